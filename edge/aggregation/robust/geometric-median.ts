import type { Gram } from "./gram.ts";
import { nearestNeighbourMixing } from "./mixing.ts";

interface Weiszfeld {
  /** ν, least distance that is told from none. */
  readonly smoothing: number;
  /** Three are what the source takes. */
  readonly iterations: number;
  /** Coefficients of the point that it begins at; the zero vector, as in the source, when left out. */
  readonly start?: readonly number[];
}

/**
 * Coefficients of the geometric median, by the smoothed Weiszfeld algorithm (RFA, Pillutla et al. 2022,
 * algorithm 3): the point with the least sum of distances to all vectors, each of weight 1/n.
 *
 * @returns one coefficient a vector, together 1
 */
export function geometricMedian(gram: Gram, { smoothing, iterations, start }: Weiszfeld): number[] {
  let coefficients: readonly number[] = start ?? gram.map(() => 0);
  for (let step = 0; step < iterations; step++) {
    const inner = gram.map((row) => sumProducts(coefficients, row));
    const square = sumProducts(coefficients, inner);
    const weights = gram.map((row, i) => {
      const distance = Math.sqrt(Math.max(0, square - 2 * inner[i]! + row[i]!));
      return 1 / Math.max(smoothing, distance);
    });
    let total = 0;
    for (const weight of weights) total += weight;
    coefficients = weights.map((weight) => weight / total);
  }
  return [...coefficients];
}

/**
 * Where to begin: the mean of the n − f vectors around one of the lowest sum of distances to others. The
 * algorithm hardly leaves a vector that it begins at, and zero is one that anybody can send.
 *
 * @returns one coefficient a vector
 */
export function centralStart(gram: Gram, f: number): readonly number[] {
  const around = nearestNeighbourMixing(gram, f);
  let best = 0;
  let least = Infinity;
  for (const [i, row] of gram.entries()) {
    let sum = 0;
    for (const [j, product] of row.entries()) {
      sum += Math.sqrt(Math.max(0, row[i]! + gram[j]![j]! - 2 * product));
    }
    if (sum < least) [best, least] = [i, sum];
  }
  return around[best]!;
}

function sumProducts(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
