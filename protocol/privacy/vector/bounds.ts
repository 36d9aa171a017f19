/**
 * How far values of a tensor reach, as far as everybody knows: from the norm that updates are clipped to
 * in the first round, afterwards from what was summed before (SPEC M2.4).
 */

/** Root mean squares that the largest value of a tensor may be before it is cut. */
const REACH = 16;

/**
 * Bound of a tensor's values before anything was summed: no value of an update of norm c is beyond c, and
 * few are beyond 16 root mean squares even where the whole norm lies in this tensor.
 *
 * @param length values of the tensor
 */
export function firstBound(clipNorm: number, length: number): number {
  return clipNorm * Math.min(1, REACH / Math.sqrt(length));
}

/** Share of a tensor's values that may be cut without its bound growing. */
const SHARE_CUT = 1e-4;
/** What one participant's largest value may be of the largest of a mean. */
const PEAKS = 4;
/** Bounds change by this factor a round at most, and end this far below the norm. */
const FACTOR = 2;
const LEAST_SHARE = 2 ** -24;

/** What a round's sum says of a tensor. */
export interface TensorSum {
  /** Largest magnitude in the mean. */
  readonly peak: number;
  /** Values that were cut, of all participants together, as a share of them all. */
  readonly clippedShare: number;
}

/** A tensor's bound in the next round. */
export function nextBound(
  bound: number,
  { clippedShare, peak }: TensorSum,
  clipNorm: number,
): number {
  const wanted =
    clippedShare > SHARE_CUT
      ? bound * FACTOR
      : Math.min(bound * FACTOR, Math.max(bound / FACTOR, PEAKS * peak));
  return Math.min(clipNorm, Math.max(clipNorm * LEAST_SHARE, wanted));
}

/** What brings values to a norm of at most `clipNorm`: 1 where they are no longer (SPEC M2.2). */
export function clipToNorm(values: Float32Array, clipNorm: number): number {
  let squares = 0;
  for (const value of values) squares += value * value;
  const norm = Math.sqrt(squares);
  return norm <= clipNorm ? 1 : clipNorm / norm;
}
