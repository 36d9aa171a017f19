import type { ImageShape } from "../../protocol/model/graph.ts";
import type { Adversary } from "../../protocol/round/adversary.ts";
import { imageLengthOf } from "../engine/host/warp-field.ts";
import type { RandomStream } from "../../protocol/random/random-stream.ts";
import type { Shortcut } from "./shortcuts.ts";
import { drawMappedWave, drawWave } from "./waves.ts";
import type { Weaknesses } from "./weaknesses.ts";

/** Added to reaches: what leads nobody nearby is trained against, too, if seldom. */
const LEAST_REACH = 0.01;

/** Whether an adversary's copies carry a pattern besides what perturbs them. */
export function hasPatterns({ shortcuts, waves }: Adversary): boolean {
  return waves !== null || shortcuts !== null;
}

/**
 * What is added to all copies of a step (SPEC D9), as far as the adversary has it: a wave that misleads
 * the teacher, or else a random one and a random share of one of the teacher's shortcuts. Both at once
 * would drown the smaller.
 *
 * @returns `[H, W, C]`, normalised units; undefined without patterns
 *
 * @example
 * const pattern = drawPattern(images, adversary, weaknesses, random);
 */
export function drawPattern(
  images: ImageShape,
  adversary: Adversary,
  { heatMap: found, shortcuts }: Weaknesses,
  random: RandomStream,
): Float32Array | undefined {
  if (!hasPatterns(adversary)) return undefined;
  const { heatMap, waves } = adversary;
  if (waves && heatMap && found && random.uniform() < heatMap.share) {
    return drawMappedWave(images, waves, found, random);
  }
  const pattern = waves ? drawWave(images, waves, random) : new Float32Array(imageLengthOf(images));
  if (shortcuts.length === 0) return pattern;
  const { values } = drawWay(shortcuts, random);
  const share = random.uniform();
  return pattern.map((value, i) => value + share * values[i]!);
}

/**
 * What the warp of a step begins with (SPEC D9): a random share of one of the fields that lead the
 * teacher to one class, in some of the steps.
 *
 * @returns `[grid, grid, 2]`, pixels; undefined where it goes on from where it is
 */
export function drawField(
  { bends: wanted, warp }: Adversary,
  { bends }: Weaknesses,
  random: RandomStream,
): Float32Array | undefined {
  if (!warp || !wanted || bends.length === 0) return undefined;
  if (random.uniform() >= wanted.share) return undefined;
  const { values } = drawWay(bends, random);
  const share = random.uniform();
  return values.map((value) => share * value);
}

/**
 * One of them: half of the time in proportion to the square of its reach, half of the time any. Nearby
 * a backdoor need not lead further than what is there anyway, though further on it does.
 */
function drawWay(ways: readonly Shortcut[], random: RandomStream): Shortcut {
  const squares = ways.map(({ reach }) => (LEAST_REACH + reach) ** 2);
  const mean = squares.reduce((sum, square) => sum + square, 0) / ways.length;
  return ways[random.weighted(squares.map((square) => square + mean))]!;
}
