import type { Combination, RoundCombination, Taken } from "./combination.ts";
import type { Gram } from "./robust/gram.ts";

/** What is combined as one: one participant's update, or what several sent as a sum. */
export interface Contribution {
  /** Whose updates it holds, ascending by participant id. */
  readonly members: readonly string[];
  /** Who answers for it: the invite its members came by. */
  readonly party: string;
  /** Whom that invite was made for; null where nobody was named. */
  readonly organisation: string | null;
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

/** What pass 1 found, and what was there before. */
interface MeasuredRound {
  /** In canonical order (SPEC R8). */
  readonly contributions: readonly MeasuredContribution[];
  /**
   * Inner products over all trainable values of the contributions, and last of the student's last step;
   * there where the rule asks for them.
   */
  readonly gram?: Gram;
  /** ‖u‖/w that a round before had in the middle; undefined in the first. */
  readonly earlierNorm?: number;
  /** A permutation of 0, 1, … for as many as contribute, drawn from what they sent. */
  readonly order: readonly number[];
}

/**
 * A rule that combines contributions in two passes: pass 1 measures every one, slice by slice; from the
 * sums the rule says how each coordinate comes about; pass 2 does that.
 */
export interface CombiningRule {
  /** Whether each running statistic is held to what the round's participants say of it (SPEC O6). */
  readonly boundsStatistics: boolean;
  /** Whether pass 1 takes inner products. */
  readonly needsGram: boolean;
  combine(round: MeasuredRound): RoundCombination;
}

/** Σ weightᵢ·factorᵢ·uᵢ / Σ weightᵢ: what rules that scale updates come to (SPEC O1). */
export function weightedMean(
  contributions: readonly Contribution[],
  taken: readonly Taken[],
): RoundCombination {
  const divisor = sumOf(contributions.map(({ weight }) => weight));
  const sum = (section: keyof Taken): Combination => ({
    kind: "sum",
    factors: contributions.map(({ weight }, i) => weight * taken[i]![section]),
    divisor,
  });
  return { trainable: sum("trainable"), statistics: sum("statistics"), taken };
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
