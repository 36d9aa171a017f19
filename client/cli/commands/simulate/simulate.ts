import { Command } from "commander";
import type { ImportedModel } from "../../../../protocol/formats/import-model.ts";
import { campaignConfigSchema } from "../../../../protocol/round/campaign-config.ts";
import type { Normalisation } from "../../../distil/normalise.ts";
import type { Engine } from "../../../engine/engine.ts";
import { seededStream } from "../../../demo/draw-images.ts";
import type { NamedTarget } from "../../../attack/attack.ts";
import type { AttackTarget } from "../../../evaluation/attack-target.ts";
import {
  evaluateModel,
  type Evaluation,
  type TestSet,
} from "../../../evaluation/evaluate-model.ts";
import { samplePictures } from "../../../images/sample-pictures.ts";
import { storeImages } from "../../../images/load-node.ts";
import type { Preparation } from "../../../images/prepare-image.ts";
import { summariseSkipped } from "../../../images/skipped.ts";
import { splitImages } from "../../../simulation/split-images.ts";
import { addCampaignOptions, campaignConfig } from "../../options/campaign-options.ts";
import { OptionError } from "../../option-error.ts";
import type { CommandContext } from "../../command-context.ts";
import {
  backendOption,
  openChosenEngine,
  precisionOption,
  threadsOption,
  type EngineOptions,
} from "../../options/engine-options.ts";
import { requireNotFailed } from "../../show/failed-campaign.ts";
import { verdictRows } from "../../show/verdict-text.ts";
import { networkOf } from "../../options/network-options.ts";
import { howSeen } from "../../how-seen.ts";
import { assumptionsText, openModelUpload, readModel } from "../../model-file.ts";
import { withUsualStandIns } from "../../../../protocol/round/usual-stand-ins.ts";
import { standInsText } from "../../stand-ins.ts";
import { locateModel } from "../../model/locate-model.ts";
import { MODEL_HELP } from "../../model/model-reference.ts";
import type { Terminal } from "../../show/terminal.ts";
import { preprocessingText } from "../../show/preprocessing-text.ts";
import { count, positive } from "../../options/option-values.ts";
import { givenModelText } from "../../show/score-text.ts";
import { simulateCampaign } from "./simulate-campaign.ts";
import { loadTestSet } from "../../test-set.ts";
import { namedTarget, TARGET_HELP, targetOf } from "../../options/target-option.ts";
import { skippedLines } from "../../show/skipped-text.ts";
import { textTable } from "../../show/text-table.ts";
import { percent } from "../../../text/numbers-text.ts";
import { FLOAT32_HELP } from "../campaign/export.ts";

interface SimulateOptions extends EngineOptions {
  readonly model: string;
  readonly images: string;
  readonly participants: number;
  readonly out: string;
  readonly shareSeed: number;
  readonly test?: string;
  readonly triggered?: string;
  readonly target?: NamedTarget;
  readonly state?: string;
  readonly float32?: boolean;
  readonly json?: boolean;
}

/** Everybody is waited for in every round, unless the options say otherwise. */
const EVERYBODY = {
  options: (participants: number) => ({ goal: participants, deadline: 86_400 }),
  words: { "round.goal": "all participants", "round.deadlineSeconds": "86400" },
} as const;

/** `simulate`: a whole campaign in this process, coordinator and participants and all. */
export function simulateCommand({ terminal, stop }: CommandContext): Command {
  const command = new Command("simulate")
    .description("run a whole campaign in one process, for research")
    .requiredOption("--model <model>", `the suspicious model: ${MODEL_HELP}`)
    .requiredOption(
      "--images <path>",
      "the pool that participants share: folder, zip or tar of pictures, or a data set; labels are not read",
    )
    .requiredOption("--participants <count>", "how many take part", positive)
    .requiredOption("--out <file>", "where the cleansed model goes")
    .option("--share-seed <number>", "decides who gets which images, and their order", count, 0)
    .option("--test <file>", "labelled test images, to report accuracy")
    .option("--triggered <file>", "stamped test images with their true labels, to report ASR")
    .option("--target <class>", TARGET_HELP, namedTarget)
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(precisionOption())
    .option("--state <folder>", "keep the coordinator's state there (default: thrown away)");
  return addCampaignOptions(command, EVERYBODY.words)
    .option("--float32", FLOAT32_HELP)
    .option("--json", "print result and rounds as JSON")
    .addHelpText(
      "after",
      `
Example:
  $ npm run scour -- simulate --model teacher.safetensors --images pool.bin --participants 4 \\
      --mean .4914,.4822,.4465 --std .2470,.2435,.2616 \\
      --test test.bin --triggered triggered.bin --target 0 --out cleansed.safetensors`,
    )
    .action(async (options: SimulateOptions) => {
      const result = await simulate(options, stop, terminal);
      terminal.result(result, options.json, () => resultText(result));
      requireNotFailed(result, result.out);
    });
}

async function simulate(options: SimulateOptions, stop: AbortSignal, terminal: Terminal) {
  const note = (line: string): void => terminal.note(line);
  const { participants } = options;
  const startedAt = performance.now();
  const campaign = { ...EVERYBODY.options(participants), ...options };
  const asked = campaignConfigSchema.parse(campaignConfig(campaign, "0".repeat(64)));
  if (asked.privacy !== undefined) {
    throw new OptionError(
      "--helper hides participants from one another's operators, and simulate is all of them: make a campaign with `campaign create` for it",
    );
  }
  const network = networkOf(options);
  const { path } = await locateModel(options.model, { terminal, signal: stop });
  const teacher = await readModel(path, network);
  const assumptions = assumptionsText(teacher);
  if (assumptions !== undefined) note(assumptions);
  const { preparation, preprocessing } = howSeen(teacher, asked.preprocessing);
  note(`It sees ${preprocessingText(teacher.graph.inputShape, preprocessing)}.`);
  const pool = await storeImages(options.images, preparation);
  const skipped = summariseSkipped(pool.skipped);
  for (const line of skippedLines(skipped, options.images)) note(line);
  const random = seededStream(options.shareSeed);
  const shares = splitImages(pool, participants, random);
  const tests = await loadTests(options, teacher, preparation, note);
  const engine = await openChosenEngine(options, note);
  note(`${pool.count} images among ${participants} participants, on ${engine.adapter}.`);

  const upload = await openModelUpload(path, network);
  const isFloat32 = options.float32 === true;
  if (isFloat32 && (await upload.model.file.widened?.()) === undefined) {
    throw new OptionError(
      "--float32 is for TensorFlow.js models with quantised or float16 weights",
      "Leave it out: others come back in their own types.",
    );
  }
  const planned = withUsualStandIns(upload.model, asked);
  const standIns = standInsText(planned);
  if (standIns !== undefined) note(standIns);
  const given = campaignConfig(campaign, upload.digest);
  const config = { ...given, network: { ...planned.network, ...given.network } };
  const { exported, report, rounds } = await simulateCampaign({
    upload,
    config,
    shares,
    sample: (how, few) => samplePictures(options.images, how, few),
    engine,
    random,
    out: options.out,
    isFloat32,
    state: options.state,
    stop,
    note,
  });
  const cleansed = await readModel(options.out, network);
  return {
    ...exported,
    campaign: report.id,
    state: report.state,
    verdict: report.verdict,
    detail: report.detail,
    choice: report.choice,
    alarm: report.alarm,
    stopped: report.stopped,
    overshoot: report.overshoot,
    pullBack: report.pullBack,
    gate: report.gate,
    participants,
    images: pool.count,
    skipped,
    before: await judge(engine, teacher, undefined, tests, preprocessing),
    after: await judge(engine, cleansed, teacher, tests, preprocessing),
    rounds,
    seconds: (performance.now() - startedAt) / 1000,
  };
}

interface Tests {
  readonly clean: TestSet;
  readonly triggered?: TestSet & { readonly target: AttackTarget };
}

async function loadTests(
  { test, triggered, target }: SimulateOptions,
  { graph }: ImportedModel,
  preparation: Preparation,
  note: (line: string) => void,
): Promise<Tests | undefined> {
  if ((triggered === undefined) !== (target === undefined)) {
    throw new OptionError("--triggered and --target belong together");
  }
  if (test === undefined) {
    if (triggered === undefined) return undefined;
    throw new OptionError("--triggered needs --test, the clean test records");
  }
  const wanted = target === undefined ? undefined : targetOf(target, graph.classes);
  const clean = await loadTestSet(test, graph.classes, preparation, note);
  if (triggered === undefined || wanted === undefined) return { clean };
  const stamped = await loadTestSet(triggered, graph.classes, preparation, note);
  return { clean, triggered: { ...stamped, target: wanted } };
}

async function judge(
  engine: Engine,
  model: ImportedModel,
  teacher: ImportedModel | undefined,
  tests: Tests | undefined,
  normalisation: Normalisation,
): Promise<Evaluation | null> {
  if (tests === undefined) return null;
  const task = { model, ...tests, ...(teacher === undefined ? {} : { teacher }) };
  return await evaluateModel(engine, task, { normalisation });
}

function resultText(result: Awaited<ReturnType<typeof simulate>>): string {
  const { before, after } = result;
  const evidence = givenModelText(result.rounds);
  const table =
    before === null || after === null
      ? []
      : [
          "",
          textTable([
            ["", "ACC", "ASR", "RA", "agreement"],
            ["before", percent(before.acc), percent(before.asr), percent(before.ra), "–"],
            [
              "after",
              percent(after.acc),
              percent(after.asr),
              percent(after.ra),
              percent(after.agreement),
            ],
          ]),
        ];
  return [
    `${result.out}: cleansed in ${result.rounds.length} rounds, ${result.seconds.toFixed(0)} s, SHA-256 ${result.digest}`,
    ...table,
    ...(evidence === undefined ? [] : ["", evidence]),
    ...(result.verdict === null ? [] : ["", textTable(verdictRows(result))]),
  ].join("\n");
}
