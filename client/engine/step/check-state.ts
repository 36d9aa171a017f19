import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import type { StepResult } from "../engine.ts";
import { EngineError } from "../engine-error.ts";

/** @throws EngineError `invalid-input` when the vector has another length than the layout. */
export function checkStateLength(state: Float32Array, layout: StateLayout, what: string): void {
  if (state.length === layout.length) return;
  throw new EngineError(
    "invalid-input",
    `the ${what} has ${state.length} values, the layout ${layout.length}; ` +
      "both must come from the same model",
  );
}

/** @throws EngineError `not-finite` when the loss of a step is not finite. */
export function checkLoss({ loss, adversary }: StepResult): void {
  const wrong = [loss, adversary?.loss ?? 0].find((value) => !Number.isFinite(value));
  if (wrong === undefined) return;
  throw new EngineError(
    "not-finite",
    `the loss is ${wrong}: the student has diverged; use a smaller learning rate`,
  );
}
