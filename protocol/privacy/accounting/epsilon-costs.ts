import { noiseFor } from "./epsilon.ts";

/** A campaign as far as noise is concerned. */
export interface NoisyCampaign {
  /** Participants in each round's sum; all may be in every round. */
  readonly participants: number;
  readonly rounds: number;
  /** Values of an update that noise is added to. */
  readonly values: number;
  /** Longest that an update may be, in the units of its values. */
  readonly clipNorm: number;
  readonly delta: number;
}

/** What one ε costs. */
export interface EpsilonCost {
  readonly epsilon: number;
  /** Standard deviation of the sum's noise over the clip norm. */
  readonly noiseMultiplier: number;
  /** Standard deviation of each value of the mean, in the units of the values. */
  readonly noisePerValue: number;
  /** Expected length of the mean's noise over the clip norm: above 1 it is longer than any update. */
  readonly noiseToUpdate: number;
  /** Participants a round with which that would be 1. */
  readonly participantsForOne: number;
}

/** Usual budgets, strictest first. */
const USUAL_EPSILONS: readonly number[] = [1, 2, 4, 8, 16, 32];

/**
 * What ε costs, before a campaign begins: Gaussian noise on the sum of clipped updates, at the level of
 * whole participants, all of whom may be in every round (no amplification by sampling: volunteers come
 * when they like).
 *
 * @example
 * whatEpsilonCosts({ participants: 8, rounds: 12, values: 700_000, clipNorm: 1, delta: 1e-5 });
 */
export function whatEpsilonCosts(
  { clipNorm, delta, participants, rounds, values }: NoisyCampaign,
  epsilons: readonly number[] = USUAL_EPSILONS,
): EpsilonCost[] {
  return epsilons.map((epsilon) => {
    const noiseMultiplier = noiseFor({ epsilon, delta, rounds });
    const participantsForOne = noiseMultiplier * Math.sqrt(values);
    return {
      epsilon,
      noiseMultiplier,
      noisePerValue: (noiseMultiplier * clipNorm) / participants,
      noiseToUpdate: participantsForOne / participants,
      participantsForOne: Math.ceil(participantsForOne),
    };
  });
}
