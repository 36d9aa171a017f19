/**
 * Inner products of the vectors of a round, ⟨uᵢ, uⱼ⟩, symmetric: all that rules of distance need to know
 * of them. Sums over slices of a slice's own.
 */
export type Gram = readonly (readonly number[])[];

/** ‖uᵢ − uⱼ‖², never negative: what rounding leaves of equal vectors is 0. */
export function squaredDistance(gram: Gram, i: number, j: number): number {
  return Math.max(0, gram[i]![i]! + gram[j]![j]! - 2 * gram[i]![j]!);
}

/** Vectors made of others: row k holds what each of the vectors counts for in the k-th. */
export type Mixtures = readonly (readonly number[])[];

/** Each vector by itself. */
export function unmixed(count: number): Mixtures {
  const indices = [...Array(count).keys()];
  return indices.map((i) => indices.map((j) => (i === j ? 1 : 0)));
}

/** Inner products of mixtures: M·G·Mᵀ. */
export function mixedGram(gram: Gram, mixtures: Mixtures): Gram {
  const half = mixtures.map((row) => gram.map((column) => dot(row, (i) => column[i]!)));
  return half.map((products) => mixtures.map((row) => dot(row, (j) => products[j]!)));
}

/** Coefficients of the vectors themselves in a combination of mixtures. */
export function unmix(coefficients: readonly number[], mixtures: Mixtures): number[] {
  const [first] = mixtures;
  return (first ?? []).map((_, i) => dot(coefficients, (k) => mixtures[k]![i]!));
}

/** Adds up in ascending order, so that the last bits are the same wherever it is done. */
function dot(row: readonly number[], other: (index: number) => number): number {
  let sum = 0;
  for (let i = 0; i < row.length; i++) if (row[i] !== 0) sum += row[i]! * other(i);
  return sum;
}
