import type { Tensor1D } from "@tensorflow/tfjs-core";
import type { StepResult } from "../../../../client/engine/engine.ts";

/** What came of a session's steps, until somebody asks for it. */
export class StepResults {
  #known: StepResult[] = [];
  #onDevice: Tensor1D | undefined;

  /**
   * Takes a step's summary `[2]` (mean loss and agreement) over and waits for the step before it: the
   * device has one step to do while the host prepares the next, and never a queue of them.
   */
  async add(summary: Tensor1D): Promise<void> {
    const earlier = this.#onDevice;
    this.#onDevice = summary;
    if (earlier) this.#known.push(await readSummary(earlier));
  }

  /** All that nobody has asked for, in order. */
  async take(): Promise<readonly StepResult[]> {
    const last = this.#onDevice;
    this.#onDevice = undefined;
    if (last) this.#known.push(await readSummary(last));
    return this.#known.splice(0);
  }
}

async function readSummary(summary: Tensor1D): Promise<StepResult> {
  const [loss, agreement] = await summary.data<"float32">();
  summary.dispose();
  return { loss: loss!, agreement: agreement! };
}
