import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { FunctionWriter, moduleOf } from "../../../client/engine/wasm/code/assembler.ts";
import { hasFusedMultiplyAdd } from "../../../client/engine/wasm/code/features.ts";

/** Independent sums: more than any processor has multiply-adds under way, few enough for registers. */
const SUMS = 12;
const UNROLLED = 4;
const TURNS = 20_000;
const LANES = 4;
const MOMENTS = 5;
const MOMENT_SECONDS = 0.05;
/** Of one call. */
const FLOPS = 2 * LANES * SUMS * UNROLLED * TURNS;

/** What a thread of the measurement tells; it is told for how many seconds. */
export interface PeakReport {
  readonly calls: number;
  readonly seconds: number;
}

/** Multiply-adds on registers and nothing else: what WebAssembly's SIMD can reach at most. */
function peakModule(): WebAssembly.Module {
  const writer = new FunctionWriter(0, hasFusedMultiplyAdd());
  const sums = Array.from({ length: SUMS }, () => writer.vector());
  const half = writer.vector();
  const one = writer.vector();
  writer.splatConstant(0.5).set(half);
  writer.splatConstant(1).set(one);
  writer.repeat(TURNS, () => {
    for (let i = 0; i < UNROLLED; i++) {
      for (const sum of sums) {
        writer.multiplyAddTo(
          () => writer.get(sum),
          () => writer.get(half),
          () => writer.get(one),
        );
        writer.set(sum);
      }
    }
  });
  // What nobody reads, the compiler leaves out.
  const address = writer.integer();
  sums.forEach((sum, i) => writer.storeVector(address, 16 * i, () => writer.get(sum)));
  return new WebAssembly.Module(moduleOf(writer));
}

/** Threads that measure the machine's rate of multiply-adds. */
export class WasmPeak {
  readonly #workers: readonly Worker[];
  #best = 0;

  constructor(threads: number) {
    const module = peakModule();
    const script = new URL("./wasm-peak-thread.ts", import.meta.url);
    this.#workers = Array.from(
      { length: threads },
      () => new Worker(script, { workerData: module }),
    );
    for (const worker of this.#workers) worker.unref();
  }

  /** Best rate so far, of all threads together. */
  get gflops(): number {
    return this.#best;
  }

  /** Measures a few times more: on a shared machine only some moments are quiet. */
  async measure(): Promise<void> {
    for (let i = 0; i < MOMENTS; i++) await this.#measureMoment();
  }

  async #measureMoment(): Promise<void> {
    const reports = await Promise.all(
      this.#workers.map(async (worker) => {
        const answer = once(worker, "message");
        worker.postMessage(MOMENT_SECONDS);
        const [report] = (await answer) as [PeakReport];
        return report;
      }),
    );
    const rate = reports.reduce((sum, { calls, seconds: took }) => sum + (calls * FLOPS) / took, 0);
    this.#best = Math.max(this.#best, rate / 1e9);
  }
}
