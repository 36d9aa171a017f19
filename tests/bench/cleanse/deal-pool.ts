import { someImages, type LoadedImages } from "../../../client/images/image-set.ts";
import type { RandomStream } from "../../../protocol/random/random-stream.ts";
import { splitImages } from "../../../client/simulation/split-images.ts";
import { CommandError } from "../../../client/cli/command-error.ts";
import { dirichletSplit } from "./dirichlet-split.ts";
import type { Pool } from "./load-case.ts";

/** How a pool is shared out. */
export interface Deal {
  readonly participants: number;
  /** Images taken of the pool; null for all. */
  readonly size: number | null;
  /** α of a Dirichlet split over labels; null for an even split in random order. */
  readonly skew: number | null;
}

/** As many images as a skewed split leaves everybody, where there are as many. */
const LEAST_SHARE = 16;

/**
 * Takes the run's part of a pool and deals it out.
 *
 * @param random decides which images, and who gets them.
 * @throws CommandError when there are too few images, or labels are wanted and there are none.
 */
export function dealPool(
  pool: Pool,
  { participants, size, skew }: Deal,
  random: RandomStream,
): readonly LoadedImages[] {
  const { count } = pool.images;
  const taken = size ?? count;
  if (taken > count || taken < participants) {
    throw new CommandError(
      `${taken} of a pool of ${count} images cannot be dealt out to ${participants} participants`,
      "Give another --pool-size or fewer --participants.",
    );
  }
  const { images, labels } = takeSome(pool, taken, random);
  if (skew === null) return splitImages(images, participants, random);
  if (labels === undefined) throw new RangeError("a skewed split needs the pool's labels");
  const least = Math.min(LEAST_SHARE, Math.floor(taken / participants));
  const shares = dirichletSplit(labels, { participants, concentration: skew, least, random });
  return shares.map((indices) => someImages(images, indices));
}

/** So many of a pool's images, drawn at random; the pool itself where it is all of them. */
export function takeSome(pool: Pool, size: number, random: RandomStream): Pool {
  const { images, labels } = pool;
  if (size === images.count) return pool;
  const order = Uint32Array.from({ length: images.count }, (_, index) => index);
  random.shuffle(order);
  const indices = [...order.subarray(0, size)];
  return {
    images: someImages(images, indices),
    labels: labels && indices.map((index) => labels[index]!),
  };
}
