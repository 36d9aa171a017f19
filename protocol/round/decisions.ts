import { z } from "zod";
import { robustMinimum, type CampaignConfig } from "./campaign-config.ts";
import { gateSchema } from "./gate.ts";
import { regrowthRule, type Judging } from "./judging.ts";
import { learningRateAt } from "./schedule.ts";
import type { ScoreSummary } from "./score-summary.ts";
import { candidatesOf, type Place } from "./timeline.ts";

/** Which candidate the probes decided for (SPEC J5). */
const choiceSchema = z.object({
  candidate: z.int().nonnegative(),
  strength: z.number(),
  /** Agreement less transfer rate, by candidate. */
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

/** The next round's student goes another way along the line from its teacher than training leads it. */
const lineStepSchema = z.object({
  round: z.int().nonnegative(),
  /** What the student's distance from its teacher is multiplied by. */
  factor: z.number(),
  detail: z.string(),
});
export type LineStep = z.output<typeof lineStepSchema>;

/** What a campaign decided by itself, from scores alone: no label and no trigger is seen. */
export const decisionsSchema = z.object({
  choice: choiceSchema.nullable(),
  alarm: alarmSchema.nullable(),
  stopped: stopSchema.nullable(),
  /** It goes on (SPEC J13). Left out where nothing of the kind was decided. */
  overshoot: lineStepSchema.optional(),
  /** It goes back (SPEC J14). Left out likewise. */
  pullBack: lineStepSchema.optional(),
  /** What is held of the student that the campaign ends with; left out until it is known (SPEC J11). */
  gate: gateSchema.optional(),
});
export type Decisions = z.output<typeof decisionsSchema>;

export const NOTHING_DECIDED: Decisions = { choice: null, alarm: null, stopped: null };

/** A training round's student as decisions see it: medians over participants (SPEC J9). */
export interface WatchedRound {
  /** The scores are of the student that this round began with, the loss of its local steps. */
  readonly round: number;
  readonly trainingLoss: number;
  readonly agreement: number;
  /**
   * Share of the teacher's mistakes under perturbation that the student makes too; null where none of
   * the participants' images were led astray.
   */
  readonly transferRate: number | null;
  /** Images with such mistakes, of all participants together. */
  readonly moved: number;
  /** Share of images that a perturbation of the smallest norm leads to one class in the teacher. */
  readonly reach: number;
}

/** What chance does to a transfer rate, times √moved: two standard deviations of one at a half. */
const CHANCE = 1;

/**
 * As much again, and what a median over few participants jumps by, where other participants scored the
 * round that is compared: on other images.
 */
const OTHERS = 2;

/**
 * Agreement that a student may lack and still be held against another: what is damaged follows nobody,
 * its teacher's mistakes included.
 */
const COMPARABLE = 0.05;

/** A round as decisions see it; undefined when it lacks what they need (SPEC J10). */
export function watchedRound(
  { round: policy }: Pick<CampaignConfig, "round">,
  round: number,
  summary: ScoreSummary | null,
): WatchedRound | undefined {
  if (summary === null || summary.participants < robustMinimum(policy)) return undefined;
  const { moved } = summary.transfer;
  const { agreement, reach, trainingLoss, transferRate } = summary.medians;
  if (trainingLoss === null) return undefined;
  // Before it was told, decisions did without.
  return { round, trainingLoss, agreement, transferRate, moved, reach: reach ?? 1 };
}

/** A round of which the transfer rate is known. */
export interface Evidence extends WatchedRound {
  readonly transferRate: number;
}

/**
 * The rounds that tell what students inherit. A teacher that no perturbation misleads has no mistakes
 * to hand down: where that is so in every round, rates are 0. Where it is so of some, other
 * participants were asked, and those rounds tell nothing; undefined where the last is one of them.
 */
export function evidenceOf(watched: readonly WatchedRound[]): readonly Evidence[] | undefined {
  if (watched.every(({ transferRate }) => transferRate === null)) {
    return watched.map((at) => ({ ...at, transferRate: 0 }));
  }
  if (watched.at(-1)!.transferRate === null) return undefined;
  return watched.flatMap(({ transferRate, ...at }) =>
    transferRate === null ? [] : { ...at, transferRate },
  );
}

/** What is kept of the teacher's clean answers, less what is kept of its mistakes. */
function worth({ agreement, transferRate: inherited }: Evidence): number {
  return agreement - inherited;
}

/**
 * Chooses among candidates by what their probes came to (SPEC J5): the largest agreement less transfer
 * rate; of equals the smaller strength. A probe that was scored where nothing misleads the teacher is
 * held to have kept every mistake, unless all were.
 *
 * @param probes scores of each candidate's judging round
 * @throws RangeError when a candidate was not scored.
 *
 * @example
 * chooseCandidate(config, judged); // { candidate: 1, strength: 1, values: [0.21, 0.62, 0.58] }
 */
export function chooseCandidate(
  config: CampaignConfig,
  probes: readonly ScoreSummary[],
): NonNullable<Decisions["choice"]> {
  const known = probes.some(({ medians }) => medians.transferRate !== null);
  const ranked = candidatesOf(config).map(({ strength }, candidate) => {
    const summary = probes[candidate];
    if (summary === undefined) throw new RangeError(`candidate ${candidate} was not scored`);
    const { agreement, transferRate } = summary.medians;
    return { candidate, strength, value: agreement - (transferRate ?? Number(known)) };
  });
  const [best] = ranked.toSorted((a, b) => b.value - a.value || a.strength - b.strength);
  return {
    candidate: best!.candidate,
    strength: best!.strength,
    values: ranked.map(({ value }) => value),
  };
}

/**
 * Whether the backdoor is there (SPEC J6), by the transfer rate, smoothed. It grows back when the rate
 * is above the least that a student of comparable agreement had before, by more than `rise` and more
 * than by chance, while the distillation loss is lower than it was then: a student that comes nearer
 * to its teacher on clean images need not fall for what misleads the teacher; one that does so more
 * and more is learning the teacher's short cuts. It never left, or was back before anybody looked,
 * when the rate is above `most` by more than chance: students make most of the teacher's mistakes.
 * Neither is looked at where nothing small misleads the teacher on most images: its mistakes are then
 * those of any model, and plain distillation hands them down with its knowledge.
 *
 * @param watched the leg's rounds so far, without student₀'s
 */
export function regrowthAlarm(
  judging: Judging,
  watched: readonly WatchedRound[],
): NonNullable<Decisions["alarm"]> | undefined {
  const evidence = evidenceOf(watched) ?? [];
  const { action, reach, window } = regrowthRule(judging);
  if (evidence.length < window) return undefined;
  if (smoothed(evidence, window, (at) => at.reach).at(-1)! < reach) return undefined;
  const seen = hasGrown(judging, evidence) ?? hasStayed(judging, evidence);
  if (seen === undefined) return undefined;
  const best = bestStudent(evidence);
  return {
    round: evidence.at(-1)!.round,
    fellBackTo: action === "fall-back" ? best.round : null,
    detail: `${seen} (the best student so far, of round ${best.round}, makes ${best.transferRate.toFixed(3)} of them)`,
  };
}

/** What is to be said where the transfer rate has risen. */
function hasGrown(judging: Judging, evidence: readonly Evidence[]): string | undefined {
  const { rise, window } = regrowthRule(judging);
  const rates = smoothed(evidence, window, (at) => at.transferRate);
  const loss = smoothed(evidence, window, (at) => at.trainingLoss);
  const agreement = smoothed(evidence, window, (at) => at.agreement);
  const last = rates.length - 1;
  const comparable = rates.map((rate, i) =>
    agreement[i]! >= agreement[last]! - COMPARABLE ? rate : Infinity,
  );
  const least = comparable.indexOf(Math.min(...comparable));
  const { moved, round } = evidence.at(-1)!;
  const from = evidence[least + window - 1]!;
  // Which images mislead the teacher does not depend on the student: as many are the same ones.
  const chance = moved === from.moved ? CHANCE : OTHERS * CHANCE;
  const tolerated = Math.max(rise, chance / Math.sqrt(Math.min(moved, from.moved)));
  if (!(rates[last]! - rates[least]! > tolerated && loss[last]! < loss[least]!)) return undefined;
  return (
    `from round ${from.round + 1} to round ${round + 1} the share of the teacher's mistakes that students make too ` +
    `rose from ${rates[least]!.toFixed(3)} to ${rates[last]!.toFixed(3)} while the distillation loss fell ` +
    `from ${loss[least]!.toFixed(4)} to ${loss[last]!.toFixed(4)}: the backdoor may be growing back`
  );
}

/** What is to be said where the transfer rate is large, whatever it was before. */
function hasStayed(judging: Judging, evidence: readonly Evidence[]): string | undefined {
  const { most, window } = regrowthRule(judging);
  const rate = smoothed(evidence, window, (at) => at.transferRate).at(-1)!;
  const { moved, round } = evidence.at(-1)!;
  if (!(rate > most + CHANCE / Math.sqrt(moved))) return undefined;
  return (
    `from round ${evidence.at(-window)!.round + 1} to round ${round + 1} students make ${rate.toFixed(3)} of the teacher's mistakes too, ` +
    `more than ${most}: a backdoor that it has is likely in them`
  );
}

/**
 * The round that the leg's best comparable student began, by which as many are committed; of equals
 * the earlier.
 */
function bestStudent(evidence: readonly Evidence[]): Evidence {
  const least = evidence.at(-1)!.agreement - COMPARABLE;
  const values = evidence.map((at) => (at.agreement >= least ? worth(at) : -Infinity));
  return evidence[values.indexOf(Math.max(...values))]!;
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
  const evidence = evidenceOf(watched) ?? [];
  if (!(rate < learningRateShare) || evidence.length < 2 * window) return undefined;
  const means = smoothed(evidence, window, (at) => (1 + worth(at)) / 2);
  const now = means.at(-1)!;
  const before = means.at(-1 - window)!;
  if (!(Math.abs(now - before) < change)) return undefined;
  return {
    round: evidence.at(-1)!.round,
    detail:
      `the scores of the last ${window} scored rounds (${now.toFixed(4)}) are those of the ${window} before ` +
      `(${before.toFixed(4)}) and the learning rate is low: more rounds would change nothing`,
  };
}

/** Means over `window` rounds in a row; shorter than the rounds by `window` − 1. */
export function smoothed(
  evidence: readonly Evidence[],
  window: number,
  value: (round: Evidence) => number,
): number[] {
  const means: number[] = [];
  for (let end = window; end <= evidence.length; end++) {
    const recent = evidence.slice(end - window, end);
    means.push(recent.reduce((sum, round) => sum + value(round), 0) / window);
  }
  return means;
}
