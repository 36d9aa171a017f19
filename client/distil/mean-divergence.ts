/**
 * The mean of summed divergences, nats, as it is told (SPEC D1, J2.1). A divergence is never negative;
 * of answers that hardly differ float32's rounding can leave a sum a little below 0, and a student that
 * begins as its teacher has such answers. What is not a number stays that.
 */
export function meanDivergence(sum: number, count: number): number {
  return Math.max(0, sum / count);
}
