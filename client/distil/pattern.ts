import type { ImageShape } from "../../protocol/model/graph.ts";
import type { Adversary } from "../../protocol/round/adversary.ts";
import { imageLengthOf } from "../engine/warp-field.ts";
import type { RandomStream } from "./random.ts";
import { drawWave } from "./waves.ts";

/** Whether an adversary's copies carry a pattern besides what perturbs them. */
export function hasPatterns({ shortcuts, waves }: Adversary): boolean {
  return waves !== null || shortcuts !== null;
}

/**
 * What is added to all copies of a step (SPEC D9): a random wave, and a random share of one of the
 * teacher's shortcuts, as far as the adversary has them.
 *
 * @param shortcuts `[H, W, C]` each; none where the teacher has no way to another answer
 * @returns `[H, W, C]`, normalised units; undefined without patterns
 *
 * @example
 * const pattern = drawPattern(images, adversary, shortcuts, random);
 */
export function drawPattern(
  images: ImageShape,
  adversary: Adversary,
  shortcuts: readonly Float32Array[],
  random: RandomStream,
): Float32Array | undefined {
  if (!hasPatterns(adversary)) return undefined;
  const { waves } = adversary;
  const pattern = waves ? drawWave(images, waves, random) : new Float32Array(imageLengthOf(images));
  if (shortcuts.length === 0) return pattern;
  const shortcut = shortcuts[random.below(shortcuts.length)]!;
  const share = random.uniform();
  return pattern.map((value, i) => value + share * shortcut[i]!);
}
