import type { StepSettings } from "../engine/engine.ts";
import type { HeadShift, Sharpness } from "../../protocol/round/regularisers.ts";

/** A campaign's regularisers beside its adversary as an engine takes them (SPEC D10, D11). */
export function engineRegularisers({
  sharpness,
  headShift,
}: {
  readonly sharpness: Sharpness | null;
  readonly headShift: HeadShift | null;
}): Pick<StepSettings, "sharpness" | "headShift"> {
  return { sharpness: sharpness ?? undefined, headShift: headShift ?? undefined };
}
