/** What is combined as one: one participant's update, or what several sent as a sum. */
export interface Contribution {
  /** Whose updates it holds, ascending by participant id. */
  readonly members: readonly string[];
  /** Example count, capped; a contribution of weight 0 adds nothing and is not looked at. */
  readonly weight: number;
}

/** What is known of a contribution before it is combined. */
export interface MeasuredContribution extends Contribution {
  /** ‖uᵢ‖₂ over all trainable values. */
  readonly norm: number;
  /**
   * The same of its running statistics as they are combined, in units that compare channels, no value
   * counting for more than one unit (SPEC O6).
   */
  readonly statisticsNorm: number;
}

/** What a contribution is scaled by, from 0 to 1, before the weighted mean is taken. */
interface Factors {
  readonly trainable: number;
  readonly statistics: number;
}

/**
 * A rule that combines contributions: Δ = Σ factorᵢ·weightᵢ·uᵢ / Σ weightᵢ in each coordinate. Pass 1
 * measures every one, slice by slice; from the sums the rule gives each its factors; pass 2 is the
 * weighted sum. Rules on distances (Krum, geometric median, …) fit by measuring more than norms.
 */
export interface CombiningRule {
  /** Whether each running statistic is held to what the round's participants say of it (SPEC O6). */
  readonly boundsStatistics: boolean;
  /**
   * @param contributions in canonical order (SPEC R8)
   * @returns factors in the same order
   */
  factors(contributions: readonly MeasuredContribution[]): readonly Factors[];
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
