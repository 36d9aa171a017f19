import { imageSize, type ImageSet } from "../images/image-set.ts";
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
export function splitImages(
  pool: ImageSet,
  participants: number,
  random: RandomStream,
): ImageSet[] {
  if (pool.count < participants) {
    throw new RangeError(
      `${pool.count} images cannot be dealt out to ${participants} participants`,
    );
  }
  const order = Uint32Array.from({ length: pool.count }, (_, index) => index);
  random.shuffle(order);
  const size = imageSize(pool);
  return Array.from({ length: participants }, (_, participant) => {
    const start = Math.floor((participant * pool.count) / participants);
    const end = Math.floor(((participant + 1) * pool.count) / participants);
    const pixels = new Uint8Array((end - start) * size);
    order.subarray(start, end).forEach((source, target) => {
      pixels.set(pool.pixels.subarray(source * size, (source + 1) * size), target * size);
    });
    return { ...pool, pixels, count: end - start };
  });
}
