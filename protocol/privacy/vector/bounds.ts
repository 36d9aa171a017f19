/**
 * How far values of a tensor reach, as far as everybody knows: from the norm that updates are clipped to
 * in the first round, afterwards from what was summed before (SPEC M2.4).
 */

/** Root mean squares of a tensor that has the whole norm, and of the whole update, that a value may be. */
const REACH = 16;
const REACH_OF_ALL = 64;

/**
 * Bound of a tensor's values before anything was summed. No value of an update of norm c is beyond c; few
 * are beyond 16 root mean squares even where the whole norm lies in this tensor, or beyond 64 where it is
 * spread over all.
 *
 * @param length values of the tensor
 * @param updateLength trainable values of the update
 */
export function firstBound(clipNorm: number, length: number, updateLength: number): number {
  return clipNorm * Math.min(1, REACH / Math.sqrt(length), REACH_OF_ALL / Math.sqrt(updateLength));
}

/** Share of a tensor's values that may be cut without its bound growing. */
const SHARE_CUT = 1e-4;
/** What one participant's largest value may be of the largest of a mean. */
const PEAKS = 8;
/** Bounds grow and shrink by these a round at most, and end this far below the norm. */
const GROWTH = 2;
const SHRINKAGE = 16;
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
  const most = bound * GROWTH;
  const wanted =
    clippedShare > SHARE_CUT ? most : Math.min(most, Math.max(bound / SHRINKAGE, PEAKS * peak));
  return Math.min(clipNorm, Math.max(clipNorm * LEAST_SHARE, wanted));
}

/** What brings values to a norm of at most `clipNorm`: 1 where they are no longer (SPEC M2.2). */
export function clipToNorm(values: Float32Array, clipNorm: number): number {
  let squares = 0;
  for (const value of values) squares += value * value;
  const norm = Math.sqrt(squares);
  return norm <= clipNorm ? 1 : clipNorm / norm;
}
