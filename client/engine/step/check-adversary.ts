import type { ImageShape } from "../../../protocol/model/graph.ts";
import type {
  AdversarySettings,
  LowFrequencySettings,
  WarpSettings,
} from "../adversary-settings.ts";
import { EngineError } from "../engine-error.ts";
import { fieldLength, gridOf, imageLengthOf, MOST_NODES } from "../host/warp-field.ts";

/** Most ascents of a step: a slip of the pen should not hold a device for minutes. */
const MOST_ASCENTS = 100;

/**
 * Checks that an adversary can be trained against.
 *
 * @throws EngineError `invalid-input` for a setting outside of its range, perturbations of single images that nothing ascends or that warp, or low frequencies of
 *   others than a universal one in an `l2` ball; for a restart, pattern or field of another length or
 *   with a value that is not finite, and for a field without a warp.
 */
export function checkAdversary(settings: AdversarySettings, shape: ImageShape): void {
  const { weight, share, norm, radius, stepLength, scope, ascents, restart, warp } = settings;
  const { field, lowFrequencies, pattern } = settings;
  demand(isFromZero(weight), `weight is ${weight}; it is a number from 0 on`);
  demand(share > 0 && share <= 1, `share is ${share}; it is above 0 and at most 1`);
  demand(norm === "l2" || norm === "linf", `norm is ${String(norm)}; it is l2 or linf`);
  demand(isFromZero(radius), `radius is ${radius}; it is a number from 0 on`);
  demand(isFromZero(stepLength), `stepLength is ${stepLength}; it is a number from 0 on`);
  demand(
    Number.isInteger(ascents) && ascents >= 0 && ascents <= MOST_ASCENTS,
    `ascents is ${ascents}; it is a whole number from 0 to ${MOST_ASCENTS}`,
  );
  if (scope === "per-image") {
    demand(ascents > 0, "scope is per-image without ascents; it needs at least one");
    demand(!restart, "scope is per-image with a restart; such begin at zero in every step");
    demand(!warp, "scope is per-image with a warp; only a universal perturbation warps");
  } else {
    demand(scope === "universal", `scope is ${String(scope)}; it is universal or per-image`);
  }
  if (lowFrequencies) {
    demand(
      scope === "universal" && norm === "l2",
      `lowFrequencies need scope universal and norm l2, not ${scope} and ${norm}`,
    );
    checkLowFrequencies(lowFrequencies);
  }
  if (warp) checkWarp(warp);
  if (restart) checkPerturbation(restart, shape, warp?.grid ?? 0);
  if (pattern) checkPerturbation(pattern, shape, 0);
  if (field) {
    demand(warp !== undefined, "field needs a warp; nothing else has one");
    checkField(field, warp!.grid);
  }
}

function checkField(field: Float32Array, grid: number): void {
  const length = fieldLength(grid);
  demand(
    field.length === length,
    `field has ${field.length} values; it is ${grid}×${grid}×2, which is ${length}`,
  );
  const index = field.findIndex((value) => !Number.isFinite(value));
  demand(index < 0, `field has ${field[index]} for value ${index}; all must be finite`);
}

function checkLowFrequencies({ share, gain }: LowFrequencySettings): void {
  demand(share > 0 && share <= 1, `lowFrequencies.share is ${share}; it is above 0 and at most 1`);
  demand(
    Number.isFinite(gain) && gain >= 1,
    `lowFrequencies.gain is ${gain}; it is a number from 1 on`,
  );
}

function checkWarp({ grid, radius, step }: WarpSettings): void {
  demand(
    Number.isInteger(grid) && grid >= 2 && grid <= MOST_NODES,
    `warp.grid is ${grid}; it is a whole number from 2 to ${MOST_NODES}`,
  );
  demand(isFromZero(radius), `warp.radius is ${radius}; it is a number from 0 on`);
  demand(isFromZero(step), `warp.step is ${step}; it is a number from 0 on`);
}

/**
 * @param grid nodes along a side of the field of displacements behind δ; 0 for none
 * @throws EngineError `invalid-input` for an array of another length, or not of finite values.
 */
export function checkPerturbation(
  perturbation: Float32Array,
  shape: ImageShape,
  grid: number,
): void {
  const { height, width, channels } = shape;
  const length = imageLengthOf(shape) + fieldLength(grid);
  if (perturbation.length !== length) {
    const field = grid === 0 ? "" : ` and ${grid}×${grid}×2`;
    throw new EngineError(
      "invalid-input",
      `a perturbation needs ${length} values (${height}×${width}×${channels}${field}), ` +
        `this one has ${perturbation.length}`,
    );
  }
  const index = perturbation.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  throw new EngineError(
    "invalid-input",
    `value ${index} of a perturbation is ${perturbation[index]}; all must be finite`,
  );
}

/**
 * Checks a perturbation that may have a field of displacements behind it, of any grid.
 *
 * @throws EngineError `invalid-input` as `checkPerturbation`.
 */
export function checkKeptPerturbation(perturbation: Float32Array, shape: ImageShape): void {
  checkPerturbation(perturbation, shape, gridOf(perturbation.length, shape) ?? 0);
}

/** Perturbed copies that a norm group of so many images gets. */
export function copiesOf(share: number, groupSize: number): number {
  return Math.max(1, Math.round(share * groupSize));
}

function isFromZero(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

function demand(holds: boolean, wrong: string): void {
  if (!holds) throw new EngineError("invalid-input", `the adversary's ${wrong}`);
}
