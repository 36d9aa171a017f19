import { someImages, type ImageSet } from "../images/image-set.ts";
import type { RandomStream } from "../../protocol/random/random-stream.ts";

/**
 * Deals a pool out to participants: disjoint shares in random order, whose sizes differ by one at
 * most, and nothing left over.
 *
 * @throws RangeError when there are fewer images than participants.
 *
 * @example
 * const [first, second] = splitImages(pool, 2, random);
 */
export function splitImages<Set extends ImageSet>(
  pool: Set,
  participants: number,
  random: RandomStream,
): Set[] {
  if (pool.count < participants) {
    throw new RangeError(
      `${pool.count} images cannot be dealt out to ${participants} participants`,
    );
  }
  const order = Uint32Array.from({ length: pool.count }, (_, index) => index);
  random.shuffle(order);
  return Array.from({ length: participants }, (_, participant) => {
    const start = Math.floor((participant * pool.count) / participants);
    const end = Math.floor(((participant + 1) * pool.count) / participants);
    return someImages(pool, [...order.subarray(start, end)]);
  });
}
