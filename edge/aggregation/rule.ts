/** What is known of a round's updates before they are combined, in canonical order (SPEC R8). */
export interface MeasuredUpdates {
  /** Example counts, capped; an update of weight 0 contributes nothing and is not looked at. */
  readonly weights: readonly number[];
  /** ‖uᵢ‖₂ over all trainable values. */
  readonly norms: readonly number[];
  /**
   * The same of its running statistics as they are combined, in units that compare channels, no value
   * counting for more than one unit (SPEC O6).
   */
  readonly statisticsNorms: readonly number[];
}

/** What each update is scaled by, from 0 to 1, before the weighted mean is taken. */
interface Factors {
  readonly trainable: readonly number[];
  readonly statistics: readonly number[];
}

/**
 * A rule that combines updates: Δ = Σ factorᵢ·weightᵢ·uᵢ / Σ weightᵢ in each coordinate. Pass 1 measures
 * every update, slice by slice; from the sums the rule gives each a factor; pass 2 is the weighted sum.
 * Rules on distances (Krum, geometric median, …) fit by measuring more than norms.
 */
export interface CombiningRule {
  /** Whether each running statistic is held to what the round's participants say of it (SPEC O6). */
  readonly boundsStatistics: boolean;
  factors(measured: MeasuredUpdates): Factors;
}

/** Sum in the order given: float64 addition is not associative, and the order is canonical. */
export function sumOf(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

/** min(1, bound/norm): what brings a norm down to a bound; what is below it stays as it is. */
export function clipFactor(bound: number, norm: number): number {
  return norm <= bound ? 1 : bound / norm;
}
