/** What becomes of the values of one coordinate. */
export type CoordinateRule =
  /** The median; of an even number the mean of the two in the middle (Yin et al. 2018). */
  | { readonly kind: "median" }
  /** The mean without the `trim` lowest and the `trim` highest (Yin et al. 2018). */
  | { readonly kind: "trimmed-mean"; readonly trim: number }
  /** The mean of the `keep` values nearest the median, as Bulyan ends (El Mhamdi et al. 2018). */
  | { readonly kind: "mean-around-median"; readonly keep: number };

/** @param ascending the values of one coordinate, sorted */
export function reduceCoordinate(rule: CoordinateRule, ascending: Float64Array): number {
  switch (rule.kind) {
    case "median":
      return median(ascending);
    case "trimmed-mean":
      return meanOf(ascending, rule.trim, ascending.length - rule.trim);
    case "mean-around-median":
      return meanAroundMedian(ascending, rule.keep);
    default:
      return rule satisfies never;
  }
}

function median(ascending: Float64Array): number {
  const middle = ascending.length >> 1;
  if (ascending.length % 2 === 1) return ascending[middle]!;
  return (ascending[middle - 1]! + ascending[middle]!) / 2;
}

function meanAroundMedian(ascending: Float64Array, keep: number): number {
  const center = median(ascending);
  // The nearest lie in one run: it moves up while what would come in is nearer than what would go out.
  let from = 0;
  while (
    from + keep < ascending.length &&
    Math.abs(ascending[from + keep]! - center) < Math.abs(ascending[from]! - center)
  ) {
    from++;
  }
  return meanOf(ascending, from, from + keep);
}

function meanOf(values: Float64Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += values[i]!;
  return sum / (to - from);
}
