import { hasFusedMultiplyAdd } from "../../../client/engine/wasm/code/features.ts";
import { measuredModule, ThreadsRate } from "./threads-rate.ts";

/** Independent sums: more than any processor has multiply-adds under way, few enough for registers. */
const SUMS = 12;
const UNROLLED = 4;
const TURNS = 20_000;
const LANES = 4;
/** Of one call. */
const FLOPS = 2 * LANES * SUMS * UNROLLED * TURNS;

/** Multiply-adds on registers and nothing else: what WebAssembly's SIMD can reach at most. */
function peakModule(): WebAssembly.Module {
  return measuredModule(hasFusedMultiplyAdd(), (writer) => {
    const sums = Array.from({ length: SUMS }, () => writer.vector());
    const half = writer.vector();
    const one = writer.vector();
    writer.splat(0.5).set(half);
    writer.splat(1).set(one);
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
  });
}

/** Threads that measure the machine's rate of multiply-adds. */
export class WasmPeak {
  readonly #rate: ThreadsRate;

  constructor(threads: number) {
    this.#rate = new ThreadsRate(threads, { module: peakModule(), pages: 1 });
  }

  /** Best rate so far, of all threads together. */
  get gflops(): number {
    return (this.#rate.callsPerSecond * FLOPS) / 1e9;
  }

  measure(): Promise<void> {
    return this.#rate.measure();
  }
}
