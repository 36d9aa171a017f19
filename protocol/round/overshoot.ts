import type { CampaignConfig } from "./campaign-config.ts";
import { evidenceOf, smoothed, type Decisions, type WatchedRound } from "./decisions.ts";
import { beginsAsTeacher, type Place } from "./timeline.ts";

/**
 * Whether the student of the next round goes on past where training leads it (SPEC J13): along the line
 * from its teacher, away from it. The teacher is at a minimum of the backdoor's loss, which grows with the
 * square of the distance from there, while what clean images say is nearly flat along the line (D3; Wei et
 * al., ICCV 2025). Looked at once, late enough for the line to have settled and early enough for training
 * to make good on clean images what it costs, and done only where students still make their teacher's
 * mistakes: elsewhere there is nothing to gain.
 *
 * @param watched the leg's scored rounds so far, without student₀'s
 * @param place of the round that was last
 *
 * @example
 * const decided = overshootAfter(config, watched, placeOf(config, round, course));
 */
export function overshootAfter(
  config: CampaignConfig,
  watched: readonly WatchedRound[],
  { leg, roundOfLeg }: Place,
): Decisions["overshoot"] {
  const { overshoot } = config.judging;
  if (overshoot === null || leg.kind !== "main") return undefined;
  // Of a student that began elsewhere the line from where it began does not come from the teacher.
  if (!beginsAsTeacher(config, leg)) return undefined;
  if (roundOfLeg !== lastLookedAt(leg.trainingRounds)) return undefined;
  const { factor, transfer, window } = overshoot;
  const evidence = evidenceOf(watched) ?? [];
  if (evidence.length < window) return undefined;
  const rate = smoothed(evidence, window, (at) => at.transferRate).at(-1)!;
  if (!(rate > transfer)) return undefined;
  return {
    round: evidence.at(-1)!.round,
    factor,
    detail:
      `students of the last ${window} scored rounds make ${rate.toFixed(3)} of the teacher's mistakes too, more than ${transfer}: ` +
      `the next one goes on, to ${factor} times as far from the teacher`,
  };
}

/** The round of the leg after which it is decided, so that a third of the leg follows on what it does. */
function lastLookedAt(trainingRounds: number): number {
  return Math.ceil((2 * trainingRounds) / 3) - 2;
}
