import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { EngineError } from "../engine-error.ts";
import {
  numbersIn,
  regulariser,
  regularisersIn,
  type RegulariserSettings,
} from "../regularisers.ts";

/**
 * Checks that a step can be taken with its regularisers.
 *
 * @throws EngineError `invalid-input` for a setting outside of its range, or a model that a regulariser
 *   is not made for.
 */
export function checkRegularisers(settings: RegulariserSettings, layout: StateLayout): void {
  for (const name of regularisersIn(settings)) {
    const { title, checkModel } = regulariser(name);
    for (const { name: number, value } of numbersIn(settings, name)) {
      if (Number.isFinite(value) && value >= 0) continue;
      throw new EngineError(
        "invalid-input",
        `the ${title}'s ${number} is ${value}; it is a number from 0 on`,
      );
    }
    checkModel?.(layout);
  }
}
