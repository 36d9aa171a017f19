import type { Tensor1D } from "@tensorflow/tfjs-core";
import type { StepResult } from "../engine.ts";
import { checkLoss } from "../step/check-state.ts";

/** What came of a session's steps, until somebody asks for it. */
export class StepResults {
  #known: StepResult[] = [];
  #onDevice: Tensor1D | undefined;

  /**
   * Takes a step's summary over (see `readSummary`) and waits for the step before it: the device has
   * one step to do while the host prepares the next, and never a queue of them.
   */
  async add(summary: Tensor1D): Promise<void> {
    const earlier = this.#onDevice;
    this.#onDevice = summary;
    if (earlier) this.#known.push(await readSummary(earlier));
  }

  /**
   * All that nobody has asked for, in order.
   *
   * @throws EngineError `not-finite` when a loss is not finite; those results are gone then.
   */
  async take(): Promise<readonly StepResult[]> {
    const last = this.#onDevice;
    this.#onDevice = undefined;
    if (last) this.#known.push(await readSummary(last));
    const results = this.#known;
    this.#known = [];
    for (const result of results) checkLoss(result);
    return results;
  }

  forget(): void {
    this.#onDevice?.dispose();
    this.#onDevice = undefined;
    this.#known = [];
  }
}

/**
 * Means over the groups of a batch; disposes the summary.
 *
 * @param summary `[2·groups]`: mean loss and agreement of each group.
 */
export async function readSummary(summary: Tensor1D): Promise<StepResult> {
  const values = await summary.data<"float32">();
  summary.dispose();
  const groups = values.length / 2;
  let loss = 0;
  let agreement = 0;
  for (let group = 0; group < groups; group++) {
    loss += values[2 * group]!;
    agreement += values[2 * group + 1]!;
  }
  return { loss: loss / groups, agreement: agreement / groups };
}
