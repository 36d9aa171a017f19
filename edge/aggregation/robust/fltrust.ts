import type { Gram } from "./gram.ts";

/**
 * Coefficients of FLTrust (Cao et al. 2021): each vector counts by how far it points where a trusted one
 * points, max(0, cos), and is brought to the trusted one's length first.
 *
 * @param gram of all vectors, the trusted one's among them
 * @param trusted index of the vector that is believed; it is itself not combined
 * @returns one coefficient a vector of `gram`; all zero where nobody points the trusted way: then the
 *   aggregate is the zero vector. Those of running statistics are without lengths: a length is of weights,
 *   and who sends next to none would be taken a millionfold
 */
export function fltrust(
  gram: Gram,
  trusted: number,
): { readonly coefficients: number[]; readonly statistics: number[] } {
  const length = Math.sqrt(gram[trusted]![trusted]!);
  const trust = gram.map((row, i) => {
    const norm = Math.sqrt(row[i]!);
    return i === trusted || norm === 0 || length === 0
      ? 0
      : Math.max(0, row[trusted]! / (norm * length));
  });
  let total = 0;
  for (const score of trust) total += score;
  const statistics = trust.map((score) => (score === 0 ? 0 : score / total));
  const coefficients = statistics.map((share, i) =>
    share === 0 ? 0 : (share * length) / Math.sqrt(gram[i]![i]!),
  );
  return { coefficients, statistics };
}
