import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { sha256 } from "../../../protocol/digest.ts";
import type { CommandContext } from "../../../client/cli/command-context.ts";
import { CommandError } from "../../../client/cli/command-error.ts";
import { startCoordinator } from "../../../client/cli/coordinator/start-coordinator.ts";
import {
  backendOption,
  openChosenEngine,
  threadsOption,
  type EngineOptions,
} from "../../../client/cli/options/engine-options.ts";
import { openModelUpload, readModel } from "../../../client/cli/model-file.ts";
import { count } from "../../../client/cli/options/option-values.ts";
import { textTable } from "../../../client/cli/show/text-table.ts";
import { durationText, percent } from "../../../client/text/numbers-text.ts";
import { demoCampaign } from "../../../client/demo/demo-campaign.ts";
import { parseSetting, patchedConfig, type Setting } from "../cleanse/config-patch.ts";
import { Forecast } from "../cleanse/forecast.ts";
import { thisMachine } from "../engine/report.ts";
import { ATTACKS, CLEAN, firstRound, type Attack } from "./attacks.ts";
import { adminOf } from "./run-campaign.ts";
import { Recording } from "./recording.ts";
import { markdownReport } from "./render.ts";
import { verdictOf, type Figures, type HostileResult } from "./result.ts";
import { openResults } from "./results-file.ts";
import {
  judge,
  PARTICIPANTS,
  runAttack,
  type AttackOutcome,
  type AttackRun,
  type AttackSurroundings,
} from "./run-attack.ts";

const TEACHER = fileURLToPath(new URL("../../../client/demo/teacher.safetensors", import.meta.url));

interface HostileOptions extends EngineOptions {
  readonly rule?: string;
  readonly only?: readonly string[];
  readonly seeds: readonly number[];
  readonly set: readonly Setting[];
  readonly out: string;
  readonly recordings?: string;
}

export interface HostileContext extends CommandContext {
  /** Told when a row failed; the others are done all the same. */
  readonly onFailedRows: () => void;
}

/** The bench's command line. */
export function hostileCommand(context: HostileContext): Command {
  return new Command("bench:hostile")
    .exitOverride()
    .description("attack campaigns on the demo's model by participants with a valid credential")
    .option("--rule <kind>", "combining rule, such as mean (default the campaign's own)")
    .option("--only <names>", "attacks, with commas between them (default all)", words)
    .option("--seeds <numbers>", "with commas between them", (text) => words(text).map(count), [0])
    .option(
      "--set <path=value>",
      "another value of the campaigns' configuration; may be given several times",
      (text: string, before: readonly Setting[]) => [...before, parseSetting(text)],
      [],
    )
    .requiredOption(
      "--out <folder>",
      "for hostile.jsonl, whose rows are not run again, and hostile.md",
    )
    .option(
      "--recordings <folder>",
      "keep the clean campaigns' updates there (default: not at all)",
    )
    .addOption(backendOption().default("wasm"))
    .addOption(threadsOption())
    .addHelpText("after", attacksHelp)
    .action((options: HostileOptions) => bench(options, context));
}

async function bench(options: HostileOptions, { onFailedRows, stop, terminal }: HostileContext) {
  const note = (line: string): void => terminal.note(line);
  const upload = await openModelUpload(TEACHER);
  const file = join(options.out, "hostile.jsonl");
  const { append, results: before } = await openResults(file);
  const results = [...before];
  const todo = plannedRuns(options, upload.digest).filter(
    (run) => !before.some(({ run: name }) => name === nameOf(run)),
  );
  note(`${todo.length} campaigns to run, ${before.length} are in ${file}.`);
  const engine = await openChosenEngine(options, note);
  const teacher = await readModel(TEACHER);
  const recordings = options.recordings ?? (await mkdtemp(join(tmpdir(), "scour-recording-")));
  const forecast = new Forecast(estimates(todo));
  const trainings: AttackSurroundings["trainings"] = new Map();
  const coordinator = await startCoordinator({ report: note });
  try {
    await adminOf(coordinator).uploadModel(upload);
    for (const [index, run] of todo.entries()) {
      stop.throwIfAborted();
      const title = `[${index + 1}/${todo.length}] ${run.attack.name}, seed ${run.seed}`;
      note(`${title}: all in about ${durationText(forecast.remaining(0))}`);
      const folder = join(recordings, conditionsOf(run));
      const recording = new Recording(folder);
      const surroundings = { coordinator, engine, recording, trainings, stop };
      const began = performance.now();
      const clean = await cleanFigures(run, folder, surroundings, note);
      const outcome = run.attack === CLEAN ? clean : await runAttack(run, surroundings);
      const result = resultOf(run, clean.after, outcome, options);
      await append(result);
      results.push(result);
      if (result.verdict === "FAIL") onFailedRows();
      note(`${title}: ${rowText(result)}`);
      forecast.finish((performance.now() - began) / 1000);
    }
  } finally {
    await coordinator.stop();
    if (options.recordings === undefined) await rm(recordings, { recursive: true, force: true });
    const about = results.length === 0 ? undefined : await teacherText(teacher, engine);
    await writeFile(join(options.out, "hostile.md"), `${markdownReport(results, about)}\n`);
  }
  terminal.result(results, false, () => results.map(rowText).join("\n"));
}

/** What attacks under these conditions are held against; run first, and once. */
async function cleanFigures(
  run: AttackRun,
  folder: string,
  surroundings: AttackSurroundings,
  note: (line: string) => void,
): Promise<AttackOutcome> {
  const path = join(folder, "outcome.json");
  try {
    return JSON.parse(await readFile(path, "utf8")) as AttackOutcome;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  // Of one that was broken off, nothing fits a whole one.
  await rm(folder, { recursive: true, force: true });
  if (run.attack !== CLEAN) note("  first, the clean campaign that it is held against");
  const outcome = await runAttack({ ...run, attack: CLEAN }, surroundings);
  await writeFile(path, JSON.stringify(outcome));
  return outcome;
}

function plannedRuns({ only, rule, seeds, set }: HostileOptions, model: string): AttackRun[] {
  const rows = [CLEAN, ...ATTACKS];
  const chosen = new Set(only === undefined ? rows : only.flatMap((name) => named(rows, name)));
  return seeds.flatMap((seed) => {
    const { distillation: _, name: __, round: ___, ...base } = demoCampaign(model, seed);
    const patch = {
      distillation: { rounds: 8, localSteps: 12, batchSize: 32 },
      round: { goal: PARTICIPANTS },
      ...(rule === undefined ? {} : { aggregation: { rule: { kind: rule } } }),
    };
    const { config, input } = patchedConfig(
      { ...base, name: "hostile" },
      { name: "--rule", patch },
      set,
    );
    return [...chosen].map((attack) => ({ attack, seed, config, input }));
  });
}

function named(rows: readonly Attack[], wanted: string): readonly Attack[] {
  const found = rows.filter(({ name }) => name === wanted || name.split(":")[0] === wanted);
  if (found.length > 0) return found;
  throw new CommandError(`there is no attack '${wanted}'`, "--help lists them.");
}

/** Seconds on two idle cores: what the first campaign of a seed seeks in the teacher, a round, the rest. */
const SEEKING = 40;
const ROUND = 6;
const BESIDES = 15;

/** Seconds that each run will take, as near as it matters before the first of them is done. */
function estimates(runs: readonly AttackRun[]): readonly number[] {
  const begun = new Set<number>();
  return runs.map(({ attack, config, seed }) => {
    const { rounds } = config.distillation;
    const { deed, hostile, when } = attack;
    const isFirst = !begun.has(seed);
    begun.add(seed);
    const changes = deed.forge !== undefined || deed.stamped === true || hostile === 0;
    // The first round attacked in begins with a student that honest ones have seen.
    const anew = changes ? rounds - firstRound(when, rounds) - (when === "all" ? 0 : 1) : 0;
    return BESIDES + ROUND * anew + (isFirst || deed.stamped === true ? SEEKING : 0);
  });
}

function conditionsOf({ config, seed }: AttackRun): string {
  return sha256(new TextEncoder().encode(JSON.stringify({ config, seed }))).slice(0, 16);
}

function nameOf(run: AttackRun): string {
  const identity = JSON.stringify([conditionsOf(run), run.attack.name]);
  return sha256(new TextEncoder().encode(identity)).slice(0, 16);
}

function resultOf(
  run: AttackRun,
  clean: Figures,
  outcome: AttackOutcome,
  { set }: HostileOptions,
): HostileResult {
  const { attack, config, seed } = run;
  const { about, hostile, name, when } = attack;
  const { after, broken, deaths, longest, refusals, report, rounds, seconds, text, watchExit } =
    outcome;
  return {
    format: "scour-hostile-1",
    run: nameOf(run),
    attack: name,
    about,
    hostile,
    when,
    seed,
    rule: { ...config.aggregation.rule },
    overrides: set.map((setting) => setting.text),
    participants: PARTICIPANTS,
    clean,
    after,
    broken,
    state: report.state,
    detail: report.detail,
    watchExit,
    said: text,
    deaths: [...deaths],
    refusals: [...refusals],
    longest,
    roundsCommitted: rounds.filter(({ state }) => state === "committed").length,
    uploadedBytes: rounds.reduce((sum, { uploadedBytes }) => sum + uploadedBytes, 0),
    seconds,
    verdict: verdictOf(clean, { after, watchExit }),
    machine: thisMachine(),
    commit: execFileSync("git", ["describe", "--always", "--dirty", "--exclude=*"], {
      encoding: "utf8",
    }).trim(),
    finishedAt: new Date().toISOString(),
  };
}

async function teacherText(
  teacher: Awaited<ReturnType<typeof readModel>>,
  engine: Parameters<typeof judge>[2],
): Promise<string> {
  const { acc, asr } = await judge(teacher, 0, engine, new AbortController().signal);
  return `The teacher: ACC ${percent(acc)}, ASR ${percent(asr)}.`;
}

function rowText({
  after,
  attack,
  clean,
  refusals,
  seconds,
  state,
  verdict,
  watchExit,
}: HostileResult) {
  const refused = refusals.length === 0 ? "" : `, refused ${refusals.length} ×`;
  return `${attack}: ACC ${percent(after.acc)} ASR ${percent(after.asr)} RA ${percent(after.ra)} (clean ${percent(clean.acc)} / ${percent(clean.asr)}), ${state}, watch ${watchExit ?? "–"}${refused}: ${verdict} in ${durationText(seconds)}`;
}

function words(text: string): string[] {
  return text.split(",").map((word) => word.trim());
}

function attacksHelp(): string {
  const rows = [CLEAN, ...ATTACKS].map(({ about, name }) => [`  ${name}`, about]);
  return `
Attacks, as NAME:PARTICIPANTS-ROUNDS (the last round, the late ones, i.e. the last three, or all):
${textTable(rows)}

Exit code 1: an attack spoiled a model, and the campaign said that all is well.

Example:
  $ npm run bench:hostile -- --out docs/results
  $ npm run bench:hostile -- --rule mean --only replacement,sign-flip:1-late --out /tmp/hostile`;
}
