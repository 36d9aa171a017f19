import { appendFile } from "node:fs/promises";
import { Command } from "commander";
import type { CommandContext } from "../../../client/cli/command-context.ts";
import { CommandError } from "../../../client/cli/command-error.ts";
import { readModel } from "../../../client/cli/model-file.ts";
import {
  backendOption,
  openChosenEngine,
  threadsOption,
  type EngineOptions,
} from "../../../client/cli/options/engine-options.ts";
import { count } from "../../../client/cli/options/option-values.ts";
import { textTable } from "../../../client/cli/show/text-table.ts";
import { seededStream } from "../../../client/demo/draw-images.ts";
import { percent } from "../../../client/text/numbers-text.ts";
import type { ImportedModel } from "../../../protocol/formats/import-model.ts";
import { takeSome } from "../cleanse/deal-pool.ts";
import { loadCase, type LoadedCase } from "../cleanse/load-case.ts";
import { readPlan } from "../cleanse/plan.ts";
import { onTheLine } from "./along-the-line.ts";
import { judged, type Judged } from "./judged.ts";
import { retuned, setAside, type StampedImages } from "./retuned.ts";

interface DepthOptions extends EngineOptions {
  readonly plan: string;
  readonly case: string;
  readonly cleansed: string;
  readonly clean?: string;
  readonly shots: number;
  readonly retuneImages: number;
  readonly seeds: readonly number[];
  readonly line: readonly number[];
  readonly out?: string;
}

/** One thing that was looked at. */
interface Row extends Judged {
  readonly case: string;
  readonly model: "teacher" | "cleansed" | "clean";
  readonly after: "nothing" | "retuning" | "going back";
  /** Of the way from the teacher; after going back alone. */
  readonly share?: number;
  readonly seed?: number;
}

/** The bench's command line. */
export function depthCommand(context: CommandContext): Command {
  return new Command("bench:depth")
    .exitOverride()
    .description("how deep a backdoor was removed: what brings it back, beside a clean model")
    .requiredOption("--plan <file>", "cases, as bench:cleanse takes them")
    .requiredOption("--case <name>", "the plan's case whose model was cleansed")
    .requiredOption("--cleansed <file>", "the cleansed model, such as bench:cleanse --keep writes")
    .option("--clean <file>", "a model of the same classes without the backdoor, treated alike")
    .option("--shots <images>", "stamped images among those that are trained on", count, 5)
    .option("--retune-images <images>", "clean ones, of the case's pool", count, 1000)
    .option("--seeds <numbers>", "of the retuning", (text) => text.split(",").map(count), [1, 2, 3])
    .option(
      "--line <shares>",
      "places on the line from the teacher that are judged",
      (text) => text.split(",").map(Number),
      [0.1, 0.3, 0.5, 0.7, 0.9],
    )
    .option("--out <file>", "a line of JSON is added for each row")
    .addOption(backendOption().default("wasm"))
    .addOption(threadsOption())
    .action((options: DepthOptions) => bench(options, context));
}

async function bench(options: DepthOptions, { stop: signal, terminal }: CommandContext) {
  const note = (line: string): void => terminal.note(line);
  const { cleansed, loaded, clean } = await modelsOf(options);
  const { preprocessing: normalisation, spec, teacher, tests } = loaded;
  const stamped = stampedOf(loaded);
  const engine = await openChosenEngine(options, note);
  const rows: Row[] = [];
  const look = async (
    what: Pick<Row, "model" | "after" | "share" | "seed">,
    model: ImportedModel,
    state: Float32Array,
    among: StampedImages = stamped,
  ): Promise<void> => {
    const at = { graph: model.graph, layout: model.layout, state: new Float32Array(state) };
    const found = await judged(engine, at, tests.clean, among, { normalisation, signal });
    const row: Row = { case: spec.name, ...what, ...found };
    rows.push(row);
    note(rowText(row).join("  "));
    if (options.out !== undefined) await appendFile(options.out, `${JSON.stringify(row)}\n`);
  };

  const suspects = [
    { model: "cleansed" as const, of: cleansed },
    ...(clean === undefined ? [] : [{ model: "clean" as const, of: clean }]),
  ];
  await look({ model: "teacher", after: "nothing" }, teacher, teacher.state);
  for (const { model, of } of suspects) {
    await look({ model, after: "nothing" }, of, of.state);
    for (const seed of options.seeds) {
      const random = seededStream(seed);
      const { shown, kept } = setAside(stamped, options.shots, random);
      const part = takeSome(loaded.pool, options.retuneImages, random);
      const training = { images: part.images, labels: part.labels! };
      const how = { normalisation, flip: spec.flip, random, signal };
      const state = await retuned(engine, of, { clean: training, stamped: shown, ...how });
      await look({ model, after: "retuning", seed }, of, state, kept);
    }
  }
  for (const share of options.line) {
    const random = seededStream(1);
    const { images: pool } = loaded.pool;
    const how = { pool, normalisation, flip: spec.flip, random, signal };
    const state = await onTheLine(engine, teacher, cleansed.state, share, how);
    await look({ model: "cleansed", after: "going back", share }, teacher, state);
  }
  const heading = ["model", "after", "ACC", "ASR", "RA", "PACC"];
  terminal.result(rows, false, () => textTable([heading, ...rows.map(rowText)]));
}

/** The models, which have to fit each other. */
async function modelsOf(options: DepthOptions) {
  const plan = await readPlan(options.plan);
  const spec = plan.find(({ name }) => name === options.case);
  if (spec === undefined) {
    throw new CommandError(
      `${options.plan} has no case ${options.case}`,
      `Its cases: ${plan.map(({ name }) => name).join(", ")}.`,
    );
  }
  const loaded = await loadCase(spec, true);
  const cleansed = await readModel(options.cleansed, spec.network);
  if (cleansed.state.length !== loaded.teacher.state.length) {
    throw new CommandError(
      `${options.cleansed} has ${cleansed.state.length} values, the case's model ${loaded.teacher.state.length}: it was not cleansed from it`,
      "Name the file that the case's campaign came to.",
    );
  }
  const clean = options.clean === undefined ? undefined : await readModel(options.clean, {});
  if (clean !== undefined && clean.graph.classes !== cleansed.graph.classes) {
    throw new CommandError(
      `${options.clean} has ${clean.graph.classes} classes, the case's model ${cleansed.graph.classes}`,
      "Name a model that was trained on the same images without the backdoor.",
    );
  }
  const { count: pool } = loaded.pool.images;
  if (options.retuneImages > pool) {
    throw new CommandError(
      `the pool has ${pool} images, ${options.retuneImages} are to be trained on`,
      "Give fewer --retune-images.",
    );
  }
  return { cleansed, loaded, clean };
}

function stampedOf({ spec, tests }: LoadedCase): StampedImages {
  if (tests.triggered !== undefined) return tests.triggered;
  throw new CommandError(
    `${spec.name} is a clean model's case: it has no stamped images to bring a backdoor back with`,
    "Name a case with 'triggered' and 'target'.",
  );
}

function rowText({ acc, after, asr, model, pacc, ra, seed, share }: Row): string[] {
  const rates = [acc, asr, ra, pacc].map((rate) => (rate === null ? "–" : percent(rate)));
  const how = share === undefined ? after : `${after} to ${share} of the way`;
  return [model, seed === undefined ? how : `${how}, seed ${seed}`, ...rates];
}
