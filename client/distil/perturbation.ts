import { inverseNormal } from "../../protocol/random/normal.ts";
import type { ImageShape } from "../../protocol/model/graph.ts";
import {
  perturbationLengths,
  warpLengths,
  type Adversary,
} from "../../protocol/round/adversary.ts";
import type { AdversarySettings, WarpSettings } from "../engine/adversary-settings.ts";
import { fieldLength, imageLengthOf } from "../engine/host/warp-field.ts";
import type { RandomStream } from "../../protocol/random/random-stream.ts";

/** Where a perturbation may be, and how far an ascent step takes it; normalised units. */
export type PerturbationBall = Pick<AdversarySettings, "norm" | "radius" | "stepLength">;

/**
 * How long a fresh `l2` perturbation is, in ascent steps, and a fresh displacement at most. At zero the gradient says little, since a
 * student that agrees with its teacher is at a minimum there; this is far enough to have a direction
 * to climb and near enough for the first step to decide where to.
 */
const SEED_LENGTH = 0.1;

/**
 * A fresh perturbation to ascend from. `l2`: a uniform direction, a tenth of an ascent step long.
 * `linf`: uniform in the ball.
 *
 * @param values numbers of one image, H·W·C
 *
 * @example
 * const restart = drawPerturbation(32 * 32 * 3, { norm: "l2", radius: 8, stepLength: 1 }, random);
 */
export function drawPerturbation(
  values: number,
  { norm, radius, stepLength }: PerturbationBall,
  random: RandomStream,
): Float32Array {
  if (norm === "linf") {
    return Float32Array.from({ length: values }, () => radius * (2 * random.uniform() - 1));
  }
  const direction = Float64Array.from({ length: values }, () => inverseNormal(random.uniform()));
  const length = Math.sqrt(direction.reduce((sum, value) => sum + value * value, 0));
  const scale = (SEED_LENGTH * stepLength) / length;
  return Float32Array.from(direction, (value) => scale * value);
}

/**
 * What a universal perturbation begins with (SPEC D9): a fresh δ, and with a warp displacements
 * behind it, each uniform within a tenth of an ascent step.
 *
 * @param shape of one image
 *
 * @example
 * const restart = drawRestart(images, engineAdversary(adversary, images), random);
 */
export function drawRestart(
  shape: ImageShape,
  adversary: PerturbationBall & { readonly warp?: WarpSettings | undefined },
  random: RandomStream,
): Float32Array {
  const length = imageLengthOf(shape);
  const delta = drawPerturbation(length, adversary, random);
  const { warp } = adversary;
  if (!warp) return delta;
  const restart = new Float32Array(length + fieldLength(warp.grid));
  restart.set(delta);
  const most = SEED_LENGTH * warp.step;
  for (let i = length; i < restart.length; i++) restart[i] = most * (2 * random.uniform() - 1);
  return restart;
}

/**
 * A campaign's adversary as an engine takes it (SPEC D9).
 *
 * @param shape of one image
 */
export function engineAdversary(adversary: Adversary, shape: ImageShape): AdversarySettings {
  const { weight, share, norm, scope, ascents, lowFrequencies, warp } = adversary;
  return {
    weight,
    share,
    norm,
    scope,
    ascents,
    ...(lowFrequencies && { lowFrequencies }),
    ...perturbationLengths(adversary, imageLengthOf(shape)),
    ...(warp && { warp: { grid: warp.grid, ...warpLengths(warp, shape.width) } }),
  };
}
