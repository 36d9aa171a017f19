import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { FunctionWriter } from "../../../client/engine/wasm/code/assembler.ts";
import { moduleOf } from "../../../client/engine/wasm/code/module-bytes.ts";

const MOMENTS = 5;
const MOMENT_SECONDS = 0.05;

/** What each thread of a measurement runs, in memory of its own. */
export interface PeakProblem {
  readonly module: WebAssembly.Module;
  /** Of memory, 64 KiB each. */
  readonly pages: number;
}

/** What a thread tells; it is told for how many seconds. */
export interface PeakReport {
  readonly calls: number;
  readonly seconds: number;
}

/** A module of one function without arguments. */
export function measuredModule(
  fused: boolean,
  write: (writer: FunctionWriter) => void,
): WebAssembly.Module {
  const writer = new FunctionWriter(0, fused);
  write(writer);
  return new WebAssembly.Module(moduleOf(writer));
}

/** Threads that all do the same, as often as they can. */
export class ThreadsRate {
  readonly #workers: readonly Worker[];
  #best = 0;

  constructor(threads: number, problem: PeakProblem) {
    const script = new URL("./peak-thread.ts", import.meta.url);
    this.#workers = Array.from({ length: threads }, () => {
      const worker = new Worker(script, { workerData: problem });
      worker.unref();
      return worker;
    });
  }

  /** Most calls a second so far, of all threads together. */
  get callsPerSecond(): number {
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
    const rate = reports.reduce((sum, { calls, seconds }) => sum + calls / seconds, 0);
    this.#best = Math.max(this.#best, rate);
  }
}
