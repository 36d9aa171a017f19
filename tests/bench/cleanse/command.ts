import { mkdir } from "node:fs/promises";
import { Command } from "commander";
import { OptionError } from "../../../client/cli/option-error.ts";
import type { CommandContext } from "../../../client/cli/command-context.ts";
import { CommandError } from "../../../client/cli/command-error.ts";
import {
  backendOption,
  openChosenEngine,
  precisionOption,
  threadsOption,
  type EngineOptions,
} from "../../../client/cli/options/engine-options.ts";
import { count, number, positive } from "../../../client/cli/options/option-values.ts";
import { textTable } from "../../../client/cli/show/text-table.ts";
import { durationText } from "../../../client/text/numbers-text.ts";
import { attackedModels } from "./attacked-models.ts";
import { benchRuns, knownStrategy, runsToDo, type BenchRun } from "./bench-run.ts";
import { parseSetting, type Setting } from "./config-patch.ts";
import { estimateSeconds } from "./estimate.ts";
import { loadCase } from "./load-case.ts";
import { readPlan, type CaseSpec } from "./plan.ts";
import { renderCommand } from "./render/command.ts";
import { openResults, readResults } from "./results-file.ts";
import { runAll } from "./run-all.ts";
import { storedOtherwise } from "./stored-otherwise.ts";
import { STRATEGIES } from "./strategies.ts";

interface BenchOptions extends EngineOptions {
  readonly plan?: string;
  readonly cases?: readonly string[];
  readonly models?: readonly string[];
  readonly pool?: string;
  readonly test?: string;
  readonly strategies: readonly string[];
  readonly seeds: readonly number[];
  readonly participants: number;
  readonly poolSize?: number;
  readonly skew?: number;
  readonly set: readonly Setting[];
  readonly curveEvery: number;
  readonly keep?: string;
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export interface BenchContext extends CommandContext {
  /** Told when some runs failed; the others are done all the same. */
  readonly onFailedRuns: () => void;
}

/** The bench's command line. */
export function cleanseCommand(context: BenchContext): Command {
  const command = new Command("bench:cleanse")
    // What follows `render` is for it, --out too.
    .enablePositionalOptions()
    .description("cleanse teachers by several strategies and judge what came of it")
    .option("--plan <file>", "JSON with a case for each teacher")
    .option("--cases <names>", "of the plan, with commas between them (default all)", words)
    .option("--models <paths...>", "models of `scour attack train`, or folders of them")
    .option("--pool <path>", "unlabelled pool; with --plan in the place of every case's own")
    .option("--test <path>", "with --models: labelled clean test images")
    .option("--strategies <names>", "with commas between them", words, ["default"])
    .option("--seeds <numbers>", "with commas between them", (text) => words(text).map(count), [1])
    .option("--participants <count>", "how many share the pool", positive, 8)
    .option("--pool-size <count>", "take so many images of the pool", positive)
    .option(
      "--skew <alpha>",
      "split the pool by Dirichlet over its labels (default evenly)",
      number,
    )
    .option(
      "--set <path=value>",
      "another value of the campaigns' configuration, by its path in docs/SETTINGS.md; may be given several times",
      (text: string, before: readonly Setting[]) => [...before, parseSetting(text)],
      [],
    )
    .option("--curve-every <rounds>", "judge every so many rounds; 0 for the end alone", count, 1)
    .option("--keep <folder>", "keep the cleansed models there, by the run's name")
    .option("--out <file>", "results, a JSON line each; what is in it is not run again")
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(precisionOption())
    .option("--dry-run", "list the runs with the time they will take, and run nothing")
    .option("--json", "print what was done as JSON")
    .addHelpText("after", strategiesHelp)
    .action((options: BenchOptions) => bench(options, context))
    .addCommand(renderCommand(context));
  for (const each of [command, ...command.commands]) each.exitOverride();
  return command;
}

async function bench(options: BenchOptions, { onFailedRuns, stop, terminal }: BenchContext) {
  const note = (line: string): void => terminal.note(line);
  const { curveEvery, keep, out } = options;
  // Commander would ask for it where `render` has one of its own, were it required.
  if (out === undefined) throw new OptionError("--out is missing, the file of the results");
  const runs = await plannedRuns(options);
  const stored = await (options.dryRun ? readResults(out) : openResults(out, note));
  const todo = runsToDo(runs, stored.results);
  const skipped = runs.length - todo.length;
  note(`${runs.length} runs, ${skipped} of them done.`);
  for (const line of storedOtherwise(runs, stored.results)) note(`  ${line}`);
  const engine = await openChosenEngine(options, note);
  const estimates = await estimateSeconds(todo, engine, stop);
  if (!("append" in stored)) {
    const planned = todo.map((run, index) => ({ ...nameOf(run), seconds: estimates[index]! }));
    terminal.result({ engine: engine.adapter, skipped, planned }, options.json, () =>
      dryRunText(planned),
    );
    return;
  }
  if (keep !== undefined) await mkdir(keep, { recursive: true });
  const { append } = stored;
  const { threads } = options;
  const done = await runAll(todo, {
    engine,
    threads,
    estimates,
    curveEvery,
    keep,
    append,
    stop,
    note,
  });
  if (done.failed.length > 0) onFailedRuns();
  terminal.result({ out, skipped, ...done }, options.json, () =>
    [
      `${out}: ${done.results.length} runs done, ${skipped} were there, ${done.failed.length} failed.`,
      ...done.failed.map(
        (run) => `failed: ${run.case}, ${run.strategy}, seed ${run.seed}: ${run.why}`,
      ),
    ].join("\n"),
  );
}

async function plannedRuns(options: BenchOptions): Promise<readonly BenchRun[]> {
  const { participants, poolSize = null, seeds, set, skew = null, strategies } = options;
  if (skew !== null && !(skew > 0)) throw new OptionError(`--skew ${skew}: it must be above 0`);
  const swappedPool = options.plan !== undefined && options.pool !== undefined;
  const isFineTuned = strategies.map(knownStrategy).some((strategy) => {
    return strategy.kind === "control" && strategy.labels;
  });
  // Fine-tuning is refused on another pool, which need not have labels for it.
  const needsLabels = skew !== null || (isFineTuned && !swappedPool);
  const cases = [];
  for (const spec of await chosenCases(options)) cases.push(await loadCase(spec, needsLabels));
  return benchRuns(cases, { strategies, seeds, participants, poolSize, skew, swappedPool, set });
}

async function chosenCases(options: BenchOptions): Promise<readonly CaseSpec[]> {
  const { cases: names, models, plan, pool, test } = options;
  if ((plan === undefined) === (models === undefined)) {
    throw new OptionError("give either --plan or --models", "--help shows both.");
  }
  if (models !== undefined) {
    if (names !== undefined) throw new OptionError("--cases needs --plan");
    if (pool === undefined || test === undefined) {
      throw new OptionError(
        "--models needs --pool and --test, the images to cleanse and judge with",
      );
    }
    return await attackedModels(models, { pool, test });
  }
  if (test !== undefined) throw new OptionError("--test is for --models; a plan names its own");
  const planned = await readPlan(plan!);
  const unknown = names?.find((name) => !planned.some((spec) => spec.name === name));
  if (unknown !== undefined) {
    throw new CommandError(
      `--cases: ${plan} has no case '${unknown}'`,
      `It has ${planned.map(({ name }) => name).join(", ")}.`,
    );
  }
  const chosen = planned.filter(({ name }) => names?.includes(name) ?? true);
  return pool === undefined ? chosen : chosen.map((spec) => Object.assign({}, spec, { pool }));
}

interface PlannedRun extends ReturnType<typeof nameOf> {
  readonly seconds: number;
}

function nameOf({ loaded, name, seed, strategyName }: BenchRun) {
  return { run: name, case: loaded.spec.name, strategy: strategyName, seed };
}

function dryRunText(planned: readonly PlannedRun[]): string {
  const total = planned.reduce((sum, { seconds }) => sum + seconds, 0);
  return [
    textTable([
      ["run", "case", "strategy", "seed", "about"],
      ...planned.map((one) => [
        one.run,
        one.case,
        one.strategy,
        String(one.seed),
        durationText(one.seconds),
      ]),
    ]),
    `${planned.length} runs to do, about ${durationText(total)} in all; curves and scores come on top.`,
  ].join("\n");
}

function words(text: string): string[] {
  return text.split(",").map((word) => word.trim());
}

function strategiesHelp(): string {
  const rows = Object.entries(STRATEGIES).map(([name, { about, kind }]) => [
    `  ${name}`,
    kind === "control" ? `control: ${about}` : about,
  ]);
  return `
Strategies:
${textTable(rows)}

Example:
  $ npm run bench:cleanse -- --plan plan.json --strategies default,bcu,bcu2 --seeds 1,2 --out results.jsonl
  $ npm run bench:cleanse -- render results.jsonl --out docs/results`;
}
