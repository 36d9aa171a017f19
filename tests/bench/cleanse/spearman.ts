/**
 * Spearman's rank correlation: Pearson's of the ranks, equal values sharing the mean of theirs.
 *
 * @returns from −1 to 1; null for fewer than three pairs, or where one side does not vary.
 *
 * @example
 * spearman([[1, 10], [2, 20], [3, 15]]); // 0.5
 */
export function spearman(pairs: readonly (readonly [number, number])[]): number | null {
  if (pairs.length < 3) return null;
  const first = ranks(pairs.map(([value]) => value));
  const second = ranks(pairs.map(([, value]) => value));
  const middle = (pairs.length + 1) / 2;
  let covariance = 0;
  let firstSquares = 0;
  let secondSquares = 0;
  first.forEach((rank, index) => {
    const x = rank - middle;
    const y = second[index]! - middle;
    covariance += x * y;
    firstSquares += x * x;
    secondSquares += y * y;
  });
  if (firstSquares === 0 || secondSquares === 0) return null;
  return covariance / Math.sqrt(firstSquares * secondSquares);
}

function ranks(values: readonly number[]): number[] {
  const order = values.map((value, index) => ({ value, index }));
  order.sort((a, b) => a.value - b.value);
  const ranked = Array.from<number>({ length: values.length });
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && order[end]!.value === order[start]!.value) end++;
    // Ranks count from 1: the mean of start + 1 … end.
    for (let at = start; at < end; at++) ranked[order[at]!.index] = (start + 1 + end) / 2;
    start = end;
  }
  return ranked;
}
