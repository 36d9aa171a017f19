import { execFileSync, type StdioOptions } from "node:child_process";
import { basename, join } from "node:path";
import { describeFailure } from "../../../client/cli/describe-failure.ts";
import { durationText, percent } from "../../../client/text/numbers-text.ts";
import type { Engine } from "../../../client/engine/engine.ts";
import { evaluateModel, type Evaluation } from "../../../client/evaluation/evaluate-model.ts";
import { middleRadius } from "../../../protocol/round/judging.ts";
import { thisMachine } from "../engine/report.ts";
import type { BenchRun } from "./bench-run.ts";
import { defenceEffectiveness } from "./defence-rate.ts";
import { Forecast } from "./forecast.ts";
import type { LoadedCase } from "./load-case.ts";
import type { Outcome } from "./outcome.ts";
import type { BenchResult } from "./result.ts";
import { runCampaign } from "./run-campaign.ts";
import { runControl } from "./run-control.ts";

export interface RunAllOptions {
  readonly engine: Engine;
  readonly threads: number | undefined;
  /** Seconds, by run. */
  readonly estimates: readonly number[];
  readonly curveEvery: number;
  /** Folder for the cleansed models. */
  readonly keep: string | undefined;
  readonly append: (result: BenchResult) => Promise<void>;
  readonly stop: AbortSignal;
  readonly note: (line: string) => void;
}

/** A run that ended without a result, and why. */
export interface FailedRun {
  readonly run: string;
  readonly case: string;
  readonly strategy: string;
  readonly seed: number;
  readonly why: string;
}

/**
 * Does one run after another and hands out each result as soon as it is there. A run that fails is
 * told of and left for the next time; the others go on.
 *
 * @throws the signal's reason when it aborts; whatever `append` throws, since later results could
 *   not be kept either.
 */
export async function runAll(
  runs: readonly BenchRun[],
  { append, engine, estimates, keep, note, stop, threads, curveEvery }: RunAllOptions,
): Promise<{ readonly results: readonly BenchResult[]; readonly failed: readonly FailedRun[] }> {
  const forecast = new Forecast(estimates);
  const teachers = new Map<LoadedCase, Evaluation>();
  const surroundings = {
    machine: thisMachine(),
    engine: engine.adapter,
    threads: threads ?? null,
    commit: currentCommit(),
  };
  const results: BenchResult[] = [];
  const failed: FailedRun[] = [];
  for (const [index, run] of runs.entries()) {
    stop.throwIfAborted();
    const { loaded, name, seed, strategyName } = run;
    const title = `[${index + 1}/${runs.length}] ${loaded.spec.name}, ${strategyName}, seed ${seed}`;
    note(
      `${title}: about ${durationText(forecast.current())}, all in about ${durationText(forecast.remaining(0))}`,
    );
    const began = performance.now();
    const elapsed = (): number => (performance.now() - began) / 1000;
    const progress = (line: string): void =>
      note(`  ${line} (all in about ${durationText(forecast.remaining(elapsed()))})`);
    let result: BenchResult;
    try {
      let before = teachers.get(loaded);
      if (before === undefined) {
        before = await judgeTeacher(loaded, engine, stop);
        teachers.set(loaded, before);
      }
      const options = { engine, stop, note: progress };
      const outcome =
        run.strategy.kind === "control"
          ? await runControl(run, run.strategy.control, options)
          : await runCampaign(run, {
              ...options,
              curveEvery,
              keep: keep && join(keep, `${name}.safetensors`),
            });
      result = { ...resultOf(run, before, outcome), ...surroundings };
    } catch (error) {
      stop.throwIfAborted();
      const why = describeFailure(error);
      failed.push({
        run: name,
        case: loaded.spec.name,
        strategy: strategyName,
        seed,
        why: why[0]!,
      });
      for (const line of why) note(`${title}: ${line}`);
      forecast.skip();
      continue;
    }
    // Not a failure of the run: after half a line, say on a full disk, no other could be added.
    await append(result);
    results.push(result);
    note(`${title}: ${summary(result)}`);
    forecast.finish(elapsed());
  }
  return { results, failed };
}

function judgeTeacher(
  { preprocessing: normalisation, teacher, tests }: LoadedCase,
  engine: Engine,
  signal: AbortSignal,
): Promise<Evaluation> {
  return evaluateModel(engine, { model: teacher, ...tests }, { normalisation, signal });
}

type Surroundings = "machine" | "engine" | "threads" | "commit";

function resultOf(
  run: BenchRun,
  before: Evaluation,
  { after, config, curve, decisions, images, seconds, shares, strengths }: Outcome,
): Omit<BenchResult, Surroundings> {
  const { loaded, name, seed, settings, strategy, strategyName } = run;
  const { digests, spec, target, teacher } = loaded;
  return {
    format: "scour-cleanse-1",
    run: name,
    case: spec.name,
    strategy: strategyName,
    control:
      strategy.kind === "control" ? { kind: strategy.control, labels: strategy.labels } : null,
    seed,
    participants: settings.participants,
    digests: { ...digests },
    target,
    classes: teacher.graph.classes,
    pool: {
      file: basename(spec.pool),
      swapped: settings.swappedPool,
      size: settings.poolSize,
      skew: settings.skew,
      shares: [...shares],
    },
    overrides: settings.set.map(({ text }) => text),
    config,
    middleRadius: middleRadius(config.judging),
    before: { acc: before.acc, asr: before.asr, ra: before.ra },
    after: { acc: after.acc, asr: after.asr, ra: after.ra, agreement: after.agreement },
    der: defenceEffectiveness(before, after),
    testImages: after.images,
    curve: [...curve],
    ...decisions,
    strengths: [...strengths],
    images,
    seconds,
    imagesPerSecond: seconds > 0 ? images / seconds : 0,
    finishedAt: new Date().toISOString(),
  };
}

function summary({ after, alarm, before, imagesPerSecond, seconds }: BenchResult): string {
  return [
    `ACC ${percent(before.acc)} → ${percent(after.acc)}`,
    `ASR ${percent(before.asr)} → ${percent(after.asr)}`,
    `RA ${percent(after.ra)}`,
    `${durationText(seconds)}, ${imagesPerSecond.toFixed(0)} images/s`,
    ...(alarm === null ? [] : [`alarm after round ${alarm.round + 1}`]),
  ].join(", ");
}

/** Short, with a + where the tree differs from it. */
function currentCommit(): string {
  try {
    const isChanged = git("status", "--porcelain", "--untracked-files=no") !== "";
    return git("rev-parse", "--short=12", "HEAD") + (isChanged ? "+" : "");
  } catch {
    // A copy without its history.
    return "unknown";
  }
}

function git(...args: readonly string[]): string {
  const stdio: StdioOptions = ["ignore", "pipe", "ignore"];
  return execFileSync("git", args, { encoding: "utf8", stdio }).trim();
}
