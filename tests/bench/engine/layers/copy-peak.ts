import { measuredModule, ThreadsRate } from "../threads-rate.ts";

const PAGE_BYTES = 65536;
const VECTOR_BYTES = 16;
const UNROLLED = 8;
/** Far more than any cache holds of one thread. */
const BYTES = 96 * 2 ** 20;

/** Copies one half of the memory to the other, vector by vector, as kernels load and store. */
function copyModule(): WebAssembly.Module {
  return measuredModule(false, (writer) => {
    const from = writer.integer();
    const to = writer.integer();
    writer.offset(to, from, BYTES);
    writer.repeat(BYTES / (UNROLLED * VECTOR_BYTES), () => {
      for (let i = 0; i < UNROLLED; i++) {
        writer.storeVector(to, i * VECTOR_BYTES, () => writer.loadVector(from, i * VECTOR_BYTES));
      }
      const step = UNROLLED * VECTOR_BYTES;
      writer.advance(from, step).advance(to, step);
    });
  });
}

/** Threads that measure how fast memory is read and written at once. */
export class CopyPeak {
  readonly #rate: ThreadsRate;

  constructor(threads: number) {
    const pages = (2 * BYTES) / PAGE_BYTES;
    this.#rate = new ThreadsRate(threads, { module: copyModule(), pages });
  }

  /** Best rate so far, of all threads together; what is read and what is written counts. */
  get gigabytesPerSecond(): number {
    return (this.#rate.callsPerSecond * 2 * BYTES) / 1e9;
  }

  measure(): Promise<void> {
    return this.#rate.measure();
  }
}
