import type { ConvolutionRates } from "./contestant.ts";
import type { ContestantProcess } from "./contestant-process.ts";
import { caseCost, type CaseSize } from "./distillation-case.ts";
import { medianOf } from "./median.ts";
import type { Request, Run } from "./messages.ts";
import type { NodeEngine } from "./open-contestant.ts";
import type { WasmPeak } from "./wasm-peak.ts";

export type EngineName = NodeEngine | "pytorch";

/** An engine with a number of threads. */
export interface Entrant {
  readonly engine: EngineName;
  readonly threads: number;
  start(size: CaseSize): ContestantProcess;
}

export interface CompareOptions {
  readonly sizes: readonly CaseSize[];
  readonly entrants: readonly Entrant[];
  /** Seconds of steps that an engine is measured by in each round, one step at least. */
  readonly roundSeconds: number;
  readonly rounds: number;
  /** For all of it; what would not fit is left out. */
  readonly budgetSeconds: number;
  /** Measured in between, of one thread, two, … */
  readonly peaks: readonly WasmPeak[];
  readonly note: (line: string) => void;
}

/** What one engine did in one case. */
export interface Row extends CaseSize {
  readonly engine: EngineName;
  readonly threads: number;
  /** Median of the rounds. */
  readonly imagesPerSecond: number;
  readonly gflops: number;
  /** Each round's. */
  readonly rounds: readonly number[];
  readonly stepsARound: number;
  /** From opening until the first step's loss was read: compilation and upload included. */
  readonly firstStepSeconds: number;
  readonly adapter: string | undefined;
  /** Of the first steps. */
  readonly losses: readonly number[];
  readonly counters: Run["perStep"];
  /** In a round of `stepsARound` steps. */
  readonly maps: Run["maps"];
  /** Most memory that its process has taken: network, images and the library itself included. */
  readonly peakBytes: number;
  readonly convolutions: ConvolutionRates | undefined;
}

interface LeftOut extends CaseSize {
  readonly engine: EngineName;
  readonly threads: number;
  readonly reason: string;
}

export interface Comparison {
  readonly rows: readonly Row[];
  readonly leftOut: readonly LeftOut[];
}

/** Someone who is in a case. */
interface Running {
  readonly entrant: Entrant;
  readonly process: ContestantProcess;
  readonly adapter: string | undefined;
  readonly firstStepSeconds: number;
  readonly losses: number[];
  readonly imageRates: number[];
  stepsARound: number;
  last: Run;
}

const COMPARED_LOSSES = 3;
const MOST_STEPS_A_ROUND = 64;
/** The least worth measuring: a warm-up and one round. */
const LEAST_STEPS = 2;
/** A warm-up and three rounds. */
const WHOLE_STEPS = 4;
const LEAST_PATIENCE_SECONDS = 60;

/**
 * All engines on all cases, the smallest first; in a case round after round, in each round one
 * engine after the other, so that whatever slows the machine meets all of them.
 */
export async function compareEngines(options: CompareOptions): Promise<Comparison> {
  const { sizes, note } = options;
  const deadline = performance.now() + options.budgetSeconds * 1000;
  const remaining = (): number => (deadline - performance.now()) / 1000;
  const rates = new Map<Entrant, number>();
  const rows: Row[] = [];
  const leftOut: LeftOut[] = [];

  const costs = sizes.map((size) => ({ size, flops: caseCost(size).flops }));
  costs.sort((a, b) => a.flops - b.flops);
  for (const { size, flops } of costs) {
    let running: readonly Running[] = [];
    const leave = (entrant: Entrant, reason: string): void => {
      const { engine, threads } = entrant;
      leftOut.push({ engine, threads, ...size, reason });
      note(`${nameOf(entrant)}, ${caseName(size)}: left out: ${reason}`);
    };
    const drop = (one: Running, error: unknown): void => {
      one.process.stop();
      running = running.filter((other) => other !== one);
      leave(one.entrant, messageOf(error));
    };
    try {
      for (const entrant of options.entrants) {
        const rate = rates.get(entrant);
        const seconds = rate === undefined ? 0 : (LEAST_STEPS * flops) / rate;
        if (seconds > remaining() / 2) {
          leave(entrant, `would take ~${Math.ceil((WHOLE_STEPS * flops) / rate! / 60)} min`);
          continue;
        }
        const limit = Math.max(LEAST_PATIENCE_SECONDS, remaining() / 3);
        const begin = performance.now();
        try {
          running = [...running, await enter(entrant, size, limit)];
          note(`${nameOf(entrant)}, ${caseName(size)}: warm`);
        } catch (error) {
          // Not one step in that time: larger cases need not try for longer.
          rates.set(entrant, flops / ((performance.now() - begin) / 1000));
          leave(entrant, messageOf(error));
        }
      }
      for (let round = 0; round < options.rounds; round++) {
        const expected = running.reduce((sum, one) => sum + roundSecondsOf(one), 0);
        if (round > 0 && expected > remaining() / 2) {
          note(`${caseName(size)}: no time for more than ${round} of ${options.rounds} rounds`);
          break;
        }
        for (const one of running) {
          try {
            await takeRound(
              one,
              size,
              options.roundSeconds,
              Math.max(LEAST_PATIENCE_SECONDS, remaining()),
            );
          } catch (error) {
            drop(one, error);
          }
        }
        if (running.some(({ entrant }) => entrant.engine.endsWith("-wasm"))) {
          for (const peak of options.peaks) await peak.measure();
        }
        note(`${caseName(size)}: round ${round + 1} of ${options.rounds}`);
      }
      for (const one of running) {
        const row = await rowOf(one, size, flops / size.batch, remaining());
        rates.set(one.entrant, row.gflops * 1e9);
        rows.push(row);
      }
    } finally {
      for (const { process } of running) process.stop();
    }
  }
  return { rows, leftOut };
}

async function enter(entrant: Entrant, size: CaseSize, limit: number): Promise<Running> {
  const begin = performance.now();
  const process = entrant.start(size);
  try {
    const { engine, threads } = entrant;
    // A program that is no Node engine knows what it is.
    const request = { kind: "open", engine, threads, ...size } as Extract<
      Request,
      { kind: "open" }
    >;
    const { adapter } = await process.ask<"open">(request, limit);
    const last = await process.ask<"run">({ kind: "run", steps: 1 }, limit);
    return {
      entrant,
      process,
      adapter,
      firstStepSeconds: (performance.now() - begin) / 1000,
      losses: [...last.losses],
      imageRates: [],
      stepsARound: 1,
      last,
    };
  } catch (error) {
    process.stop();
    throw error;
  }
}

/** What a round of it takes, by the last time. */
function roundSecondsOf({ last, stepsARound }: Running): number {
  return (last.seconds / last.losses.length) * stepsARound;
}

async function takeRound(
  one: Running,
  { batch }: CaseSize,
  roundSeconds: number,
  limit: number,
): Promise<void> {
  const run = async (steps: number): Promise<Run> => {
    const result = await one.process.ask<"run">({ kind: "run", steps }, limit);
    one.losses.push(...result.losses);
    return result;
  };
  if (one.imageRates.length === 0 && one.last.seconds < roundSeconds) {
    // The first step compiled; another one tells how many make a round.
    const { seconds } = await run(1);
    const steps = Math.ceil(roundSeconds / seconds);
    one.stepsARound = Math.min(MOST_STEPS_A_ROUND, Math.max(1, steps));
  }
  one.last = await run(one.stepsARound);
  one.imageRates.push((batch * one.stepsARound) / one.last.seconds);
}

async function rowOf(
  one: Running,
  size: CaseSize,
  flopsAnImage: number,
  remaining: number,
): Promise<Row> {
  const imagesPerSecond = medianOf(one.imageRates);
  let convolutions: ConvolutionRates | undefined;
  if (one.entrant.engine === "ours-wasm") {
    const answer = await one.process.ask<"convolutions">(
      { kind: "convolutions" },
      Math.max(60, remaining),
    );
    convolutions = answer.rates;
  }
  return {
    engine: one.entrant.engine,
    ...size,
    threads: one.entrant.threads,
    imagesPerSecond,
    gflops: (imagesPerSecond * flopsAnImage) / 1e9,
    rounds: one.imageRates,
    stepsARound: one.stepsARound,
    firstStepSeconds: one.firstStepSeconds,
    adapter: one.adapter,
    losses: one.losses.slice(0, COMPARED_LOSSES),
    counters: one.last.perStep,
    maps: one.last.maps,
    peakBytes: one.last.peakBytes,
    convolutions,
  };
}

/** For people: `ours-wasm, 2 threads`. */
export function nameOf({ engine, threads }: Pick<Entrant, "engine" | "threads">): string {
  return threads === 1 ? engine : `${engine}, ${threads} threads`;
}

export function caseName({ network, batch }: CaseSize): string {
  return `${network}, batch ${batch}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
