import { z } from "zod";
import type { CampaignConfig } from "./campaign-config.ts";
import { middleRadius, regrowthRule, type Judging } from "./judging.ts";
import { learningRateAt } from "./schedule.ts";
import type { ScoreSummary } from "./score-summary.ts";
import { candidatesOf, type Place } from "./timeline.ts";

/** Which candidate the probes decided for (SPEC J5). */
const choiceSchema = z.object({
  candidate: z.int().nonnegative(),
  strength: z.number(),
  /** Agreement + perturbed agreement at the middle norm, by candidate. */
  values: z.array(z.number()),
});

/** Regrowth was seen after a round (SPEC J6). */
const alarmSchema = z.object({
  round: z.int().nonnegative(),
  /** Rounds committed when the student that was gone back to came out; null where none was. */
  fellBackTo: z.int().nonnegative().nullable(),
  detail: z.string(),
});

/** The scores did not move any more after a round (SPEC J7). */
const stopSchema = z.object({ round: z.int().nonnegative(), detail: z.string() });

/** What a campaign decided by itself, from scores alone: no label and no trigger is seen. */
export const decisionsSchema = z.object({
  choice: choiceSchema.nullable(),
  alarm: alarmSchema.nullable(),
  stopped: stopSchema.nullable(),
});
export type Decisions = z.output<typeof decisionsSchema>;

export const NOTHING_DECIDED: Decisions = { choice: null, alarm: null, stopped: null };

/** A training round's student as decisions see it: medians over participants (SPEC J9). */
export interface WatchedRound {
  /** The scores are of the student that this round began with, the loss of its local steps. */
  readonly round: number;
  readonly trainingLoss: number;
  readonly agreement: number;
  /** Agreement under perturbation of the middle norm. */
  readonly perturbed: number;
  /** Held-out images of all participants together. */
  readonly images: number;
}

/**
 * What chance moves a mean of perturbed agreement by, times √images: three standard deviations. On
 * 496 images (the curves of `REGROWTH`) one of three rounds varied by .006 while nothing changed.
 */
const CHANCE = 0.4;

/** Agreement + perturbed agreement at the middle norm; undefined where that norm was not scored. */
function perturbedMedian(judging: Judging, { medians }: ScoreSummary): number | undefined {
  const radius = middleRadius(judging);
  return medians.perturbed.find((at) => at.radius === radius)?.agreement;
}

/** A round as decisions see it; undefined when it lacks what they need. */
export function watchedRound(
  judging: Judging,
  round: number,
  summary: ScoreSummary | null,
): WatchedRound | undefined {
  if (summary === null) return undefined;
  const perturbed = perturbedMedian(judging, summary);
  const { agreement, trainingLoss } = summary.medians;
  if (perturbed === undefined || trainingLoss === null) return undefined;
  return { round, trainingLoss, agreement, perturbed, images: summary.images };
}

/**
 * Chooses among candidates by what their probes came to (SPEC J5): the largest agreement + perturbed
 * agreement at the middle norm; of equals the smaller strength.
 *
 * @param probes scores of each candidate's judging round
 * @throws RangeError when a candidate was not scored.
 *
 * @example
 * chooseCandidate(config, judged); // { candidate: 1, strength: 1, values: [1.31, 1.72, 1.58] }
 */
export function chooseCandidate(
  config: CampaignConfig,
  probes: readonly ScoreSummary[],
): NonNullable<Decisions["choice"]> {
  const ranked = candidatesOf(config).map(({ strength }, candidate) => {
    const summary = probes[candidate];
    const perturbed = summary && perturbedMedian(config.judging, summary);
    if (perturbed === undefined) throw new RangeError(`candidate ${candidate} was not scored`);
    return { candidate, strength, value: summary!.medians.agreement + perturbed };
  });
  const [best] = ranked.toSorted((a, b) => b.value - a.value || a.strength - b.strength);
  return {
    candidate: best!.candidate,
    strength: best!.strength,
    values: ranked.map(({ value }) => value),
  };
}

/**
 * Whether the backdoor grows back (SPEC J6): perturbed agreement has fallen from its best by more
 * than the share `drop` of it, and more than by chance, while the distillation loss is lower than it
 * was then, both smoothed. Distillation
 * that goes well improves both; one that fits the teacher better and better and yet gives in to
 * perturbations more and more is learning the teacher's short cuts.
 *
 * @param watched the leg's rounds so far, without student₀'s
 */
export function regrowthAlarm(
  judging: Judging,
  watched: readonly WatchedRound[],
): NonNullable<Decisions["alarm"]> | undefined {
  const { action, drop, window } = regrowthRule(judging);
  const perturbed = smoothed(watched, window, (at) => at.perturbed);
  const loss = smoothed(watched, window, (at) => at.trainingLoss);
  const last = perturbed.length - 1;
  if (last < 1) return undefined;
  const best = perturbed.indexOf(Math.max(...perturbed));
  const fallen = perturbed[best]! - perturbed[last]!;
  const { images, round } = watched.at(-1)!;
  const tolerated = Math.max(drop * perturbed[best]!, CHANCE / Math.sqrt(images));
  if (!(fallen > tolerated && loss[last]! < loss[best]!)) return undefined;
  const from = watched[best + window - 1]!.round;
  return {
    round,
    fellBackTo: action === "fall-back" ? bestStudent(watched) : null,
    detail:
      `from round ${from + 1} to round ${round + 1} agreement under perturbation fell from ` +
      `${perturbed[best]!.toFixed(3)} to ${perturbed[last]!.toFixed(3)} while the distillation loss fell ` +
      `from ${loss[best]!.toFixed(4)} to ${loss[last]!.toFixed(4)}: the backdoor may be growing back`,
  };
}

/** Rounds committed when the leg's best student came out; of equals the earlier. */
function bestStudent(watched: readonly WatchedRound[]): number {
  const values = watched.map(({ agreement, perturbed }) => agreement + perturbed);
  return watched[values.indexOf(Math.max(...values))]!.round;
}

/**
 * Whether a leg has nothing more to gain (SPEC J7): the learning rate of the next round is below a
 * share of its peak, and the scores of the last rounds are those of the rounds before.
 *
 * @param watched the leg's rounds so far, without student₀'s
 * @param place of the round that was last
 */
export function settled(
  { stopping }: Judging,
  watched: readonly WatchedRound[],
  { roundOfLeg, leg: { trainingRounds } }: Place,
): NonNullable<Decisions["stopped"]> | undefined {
  if (stopping === null || roundOfLeg + 1 >= trainingRounds) return undefined;
  const { change, learningRateShare, window } = stopping;
  const rate = learningRateAt({ step: roundOfLeg + 1, totalSteps: trainingRounds }, 1);
  if (!(rate < learningRateShare) || watched.length < 2 * window) return undefined;
  const means = smoothed(watched, window, (at) => (at.agreement + at.perturbed) / 2);
  const now = means.at(-1)!;
  const before = means.at(-1 - window)!;
  if (!(Math.abs(now - before) < change)) return undefined;
  return {
    round: watched.at(-1)!.round,
    detail:
      `the scores of the last ${window} scored rounds (${now.toFixed(4)}) are those of the ${window} before ` +
      `(${before.toFixed(4)}) and the learning rate is low: more rounds would change nothing`,
  };
}

/** Means over `window` rounds in a row; shorter than the rounds by `window` − 1. */
function smoothed(
  watched: readonly WatchedRound[],
  window: number,
  value: (round: WatchedRound) => number,
): number[] {
  const means: number[] = [];
  for (let end = window; end <= watched.length; end++) {
    const recent = watched.slice(end - window, end);
    means.push(recent.reduce((sum, round) => sum + value(round), 0) / window);
  }
  return means;
}
