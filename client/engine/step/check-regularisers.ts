import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import type { StepSettings } from "../engine.ts";
import { EngineError } from "../engine-error.ts";
import { headEntries } from "../program/head-entries.ts";

/**
 * Checks that a step can be taken with its sharpness and head shift.
 *
 * @throws EngineError `invalid-input` for a setting outside of its range, or a head shift of a model
 *   without a linear layer.
 */
export function checkRegularisers(
  { sharpness, headShift }: Pick<StepSettings, "sharpness" | "headShift">,
  layout: StateLayout,
): void {
  if (sharpness) requireFromZero("the sharpness's rho", sharpness.rho);
  if (!headShift) return;
  requireFromZero("the head shift's weight", headShift.weight);
  if (headEntries(layout).length > 0) return;
  throw new EngineError(
    "invalid-input",
    "a head shift needs a linear layer, and this model has none; leave it out",
  );
}

function requireFromZero(what: string, value: number): void {
  if (Number.isFinite(value) && value >= 0) return;
  throw new EngineError("invalid-input", `${what} is ${value}; it is a number from 0 on`);
}
