import { squaredDistance, type Gram, type Mixtures } from "./gram.ts";

/**
 * Nearest-neighbour mixing (Allouah et al. 2023): each vector gives way to the mean of the n − f nearest to
 * it, itself included; of equally near ones the lower index.
 */
export function nearestNeighbourMixing(gram: Gram, f: number): Mixtures {
  const count = gram.length;
  const kept = count - f;
  const indices = [...gram.keys()];
  return indices.map((i) => {
    const distances = indices.map((j) => (i === j ? -1 : squaredDistance(gram, i, j)));
    const order = indices.toSorted((a, b) => distances[a]! - distances[b]! || a - b);
    const near = new Set(order.slice(0, kept));
    return indices.map((j) => (near.has(j) ? 1 / kept : 0));
  });
}

/**
 * Bucketing (Karimireddy, He & Jaggi 2022): the vectors are dealt out at random into buckets of `size`, and
 * the means of the buckets are what a rule sees. Participants whose images differ look more alike so; at
 * most f buckets hold one of f liars.
 *
 * @param order a permutation of the vectors' indices, drawn where nobody who sends one can know it before
 */
export function bucketing(order: readonly number[], size: number): Mixtures {
  const buckets: number[][] = [];
  for (let from = 0; from < order.length; from += size)
    buckets.push(order.slice(from, from + size));
  return buckets.map((bucket) => {
    const members = new Set(bucket);
    return order.map((_, i) => (members.has(i) ? 1 / bucket.length : 0));
  });
}
