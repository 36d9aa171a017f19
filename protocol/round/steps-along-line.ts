import type { CampaignConfig } from "./campaign-config.ts";
import { evidenceOf, smoothed, type LineStep, type WatchedRound } from "./decisions.ts";
import { beginsAsTeacher, type Place } from "./timeline.ts";

/**
 * Whether the student of the next round goes on past where training leads it (SPEC J13): along the line
 * from its teacher, away from it. The teacher is at a minimum of the backdoor's loss, which grows with the
 * square of the distance from there, while what clean images say is nearly flat along the line (D3; Wei et
 * al., ICCV 2025). Done only where students still make their teacher's mistakes: elsewhere there is
 * nothing to gain.
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
  place: Place,
): LineStep | undefined {
  const { overshoot } = config.judging;
  if (overshoot === null) return undefined;
  const { factor, transfer, window } = overshoot;
  const late = lateTransfer(config, watched, place, window);
  if (late === undefined || !(late.rate > transfer)) return undefined;
  return {
    round: late.round,
    factor,
    detail: `${mistakes(late.rate, window)}, more than ${transfer}: the next one goes on, to ${factor} times as far from the teacher`,
  };
}

/**
 * Whether the student of the next round goes back part of the way to its teacher (SPEC J14): where hardly
 * anything is left of the backdoor, as far as mistakes tell, clean images alone say how far from the teacher
 * is best, and a student between the two answers more of them rightly than either step of training before
 * it (WiSE-FT; Wortsman et al., CVPR 2022). The rounds that follow train it as ever.
 *
 * @param watched as in `overshootAfter`
 * @param place likewise
 *
 * @example
 * const decided = pullBackAfter(config, watched, placeOf(config, round, course));
 */
export function pullBackAfter(
  config: CampaignConfig,
  watched: readonly WatchedRound[],
  place: Place,
): LineStep | undefined {
  const { pullBack } = config.judging;
  if (pullBack === null) return undefined;
  const { share, transfer, window } = pullBack;
  const late = lateTransfer(config, watched, place, window);
  if (late === undefined || late.rate > transfer) return undefined;
  return {
    round: late.round,
    factor: share,
    detail: `${mistakes(late.rate, window)}, no more than ${transfer}: the next one goes back, to ${share} of the way from the teacher`,
  };
}

function mistakes(rate: number, window: number): string {
  return `students of the last ${window} scored rounds make ${rate.toFixed(3)} of the teacher's mistakes too`;
}

/**
 * The mean transfer rate of the latest rounds, once in a leg: late enough for the line from the teacher to
 * have settled, and early enough for training to make good what a step along it costs.
 *
 * @param window rounds averaged
 * @returns with the latest round; undefined at any other time, and where no line comes from the teacher.
 */
function lateTransfer(
  config: CampaignConfig,
  watched: readonly WatchedRound[],
  { leg, roundOfLeg }: Place,
  window: number,
): { readonly round: number; readonly rate: number } | undefined {
  if (leg.kind !== "main") return undefined;
  // Of a student that began elsewhere the line from where it began does not come from the teacher.
  if (!beginsAsTeacher(config, leg)) return undefined;
  if (roundOfLeg !== lastLookedAt(leg.trainingRounds)) return undefined;
  const evidence = evidenceOf(watched) ?? [];
  if (evidence.length < window) return undefined;
  const rate = smoothed(evidence, window, (at) => at.transferRate).at(-1)!;
  return { round: evidence.at(-1)!.round, rate };
}

/** The round of the leg after which it is decided, so that a third of the leg follows on what it does. */
function lastLookedAt(trainingRounds: number): number {
  return Math.ceil((2 * trainingRounds) / 3) - 2;
}
