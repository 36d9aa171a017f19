import { squaredDistance, type Gram } from "./gram.ts";

/**
 * Krum's score of each vector: the sum of its squared distances to its n − f − 2 nearest others (Blanchard
 * et al. 2017). Low is where many are near.
 *
 * @param among indices of the vectors that are looked at; all of them when left out
 * @returns scores in the order of `among`
 */
function krumScores(
  gram: Gram,
  f: number,
  among: readonly number[] = gram.map((_, i) => i),
): number[] {
  // One neighbour at least: what Bulyan's repeated picks come down to.
  const neighbours = Math.max(1, among.length - f - 2);
  return among.map((i) => {
    const distances = among.filter((j) => j !== i).map((j) => squaredDistance(gram, i, j));
    distances.sort((a, b) => a - b);
    let score = 0;
    for (const distance of distances.slice(0, neighbours)) score += distance;
    return score;
  });
}

/**
 * The `keep` vectors with the lowest scores, ascending by index; of equal scores the lower index. With
 * one to keep this is Krum, with more Multi-Krum.
 */
export function krumSelection(gram: Gram, f: number, keep: number): number[] {
  const scores = krumScores(gram, f);
  const order = scores.map((_, i) => i).sort((a, b) => scores[a]! - scores[b]! || a - b);
  return order.slice(0, keep).sort((a, b) => a - b);
}

/**
 * Bulyan's selection (El Mhamdi et al. 2018): n − 2f picks, each the Krum of those that are left.
 *
 * @returns indices, ascending
 */
export function bulyanSelection(gram: Gram, f: number): number[] {
  let left = gram.map((_, i) => i);
  const picked: number[] = [];
  while (picked.length < gram.length - 2 * f) {
    const scores = krumScores(gram, f, left);
    let best = 0;
    for (let k = 1; k < scores.length; k++) if (scores[k]! < scores[best]!) best = k;
    const pick = left[best]!;
    picked.push(pick);
    left = left.filter((i) => i !== pick);
  }
  return picked.sort((a, b) => a - b);
}
