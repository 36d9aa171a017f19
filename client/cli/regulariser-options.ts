import type { Command } from "commander";
import { number } from "./option-values.ts";

/** The options that define regularisers beside the adversary, as commander reads them. */
export interface RegulariserOptions {
  readonly sam?: number;
  readonly headShift?: number;
}

/** Adds the options that define regularisers beside the adversary. */
export function addRegulariserOptions(command: Command): Command {
  return command
    .option(
      "--sam <rho>",
      "sharpness-aware steps with this relative radius, at twice the work (default none; in FT-SAM 2, for 11 million weights)",
      number,
    )
    .option(
      "--head-shift <weight>",
      "turn the last layer away from the teacher's (default none; in FST 0.1 to 0.2, with --reinit head)",
      number,
    );
}

/** Flags by the configuration's key. */
export const REGULARISER_FLAGS: Readonly<Record<string, string>> = {
  "distillation.sharpness": "--sam",
  "distillation.headShift": "--head-shift",
};

/** What the options say of the regularisers; undefined for nothing. */
export function regulariserInput({ sam, headShift }: RegulariserOptions): Record<string, unknown> {
  return {
    sharpness: sam === undefined ? undefined : { rho: sam },
    headShift: headShift === undefined ? undefined : { weight: headShift },
  };
}
