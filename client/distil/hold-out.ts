import { heldOutCount } from "../../protocol/round/evidence.ts";
import type { Judging } from "../../protocol/round/judging.ts";
import type { RandomStream } from "../../protocol/random/random-stream.ts";

/** A participant's images by index: every one is in one of the two. */
export interface SplitPool {
  /** Trained on, in random order. */
  readonly training: Uint32Array;
  /** Never trained on: what students are scored with. May be empty. */
  readonly heldOut: Uint32Array;
}

/**
 * Which of its images a participant holds out: min(`images`, ⌊`heldOut`·count⌋) drawn without
 * replacement, none where that is fewer than 4 (SPEC J1). What is left has a random order, so that the
 * first so many of it are of all kinds though files come sorted by class.
 *
 * @example
 * const { training, heldOut } = holdOut(images.count, config.judging, random);
 */
export function holdOut(
  count: number,
  { heldOut: share, images }: Pick<Judging, "heldOut" | "images">,
  random: RandomStream,
): SplitPool {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  const held = heldOutCount(count, { heldOut: share, images });
  random.shuffle(order);
  return { training: order.subarray(held), heldOut: order.subarray(0, held) };
}
