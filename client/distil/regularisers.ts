import type { StepSettings } from "../engine/engine.ts";
import type { DistillationSettings } from "./local-distillation.ts";

/** A campaign's regularisers beside its adversary as an engine takes them (SPEC D10, D11). */
export function engineRegularisers({
  sharpness,
  headShift,
}: Pick<DistillationSettings, "sharpness" | "headShift">): Pick<
  StepSettings,
  "sharpness" | "headShift"
> {
  return { sharpness: sharpness ?? undefined, headShift: headShift ?? undefined };
}
