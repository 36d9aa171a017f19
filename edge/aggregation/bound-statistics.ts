/**
 * How far from the median a participant's value may lie, in median absolute deviations (MAD). Of normal
 * values four MADs are 2.7 standard deviations.
 */
const DEVIATIONS = 4;

/** What a value may differ by however much the others agree, in units (SPEC O6). */
const TOLERATED = 1;

/** Running statistics of one channel are bounded by what it is a statistic of. */
export interface StatisticKind {
  /** √(v + ε) for a mean, v + ε for a variance, v being the incoming student's running variance. */
  readonly unit: number;
  readonly isVariance: boolean;
}

/**
 * Holds what participants did to one running statistic to what most of them did (SPEC O6; winsorising:
 * Tukey 1962), in place. A norm bounds a whole update and cannot do it: all of a permitted norm put into
 * one channel's variance switches the channel off, or blows it up.
 *
 * Of three or more, each value is brought to within max(4·MAD, t) of the median, t being one unit, for a
 * variance at most its median value: a liar who is not among the many moves the mean by that over their
 * number. Without t, a class that one participant alone has would be cut away, and rounding where all
 * agree (MAD = 0). Of two, neither is the odd one: each moves the statistic at most four times as far as
 * the other does, or a unit. One alone is not bounded here, but at the door (SPEC U8).
 *
 * @param values of one coordinate of the updates that count, r_round − r_local
 * @param scratch room for as many
 */
export function boundStatistic(
  values: Float64Array,
  { unit, isVariance }: StatisticKind,
  scratch: Float64Array,
): void {
  if (values.length < 2) return;
  if (values.length === 2) {
    const shorter = Math.min(Math.abs(values[0]!), Math.abs(values[1]!));
    return clamp(values, 0, Math.max(TOLERATED * unit, DEVIATIONS * shorter));
  }
  const median = medianOf(values, scratch);
  for (let i = 0; i < values.length; i++) scratch[i] = Math.abs(values[i]! - median);
  const deviation = middleOf(scratch.sort());
  // `unit − median` is the median variance: r − u with r + ε the unit.
  const tolerated = isVariance ? Math.max(0, Math.min(unit, unit - median)) : unit;
  clamp(values, median, Math.max(TOLERATED * tolerated, DEVIATIONS * deviation));
}

function clamp(values: Float64Array, center: number, distance: number): void {
  for (let i = 0; i < values.length; i++) {
    values[i] = Math.min(center + distance, Math.max(center - distance, values[i]!));
  }
}

function medianOf(values: Float64Array, scratch: Float64Array): number {
  scratch.set(values);
  return middleOf(scratch.sort());
}

function middleOf(ascending: Float64Array): number {
  const middle = ascending.length >> 1;
  if (ascending.length % 2 === 1) return ascending[middle]!;
  return (ascending[middle - 1]! + ascending[middle]!) / 2;
}
