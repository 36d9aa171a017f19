import { z } from "zod";
import { robustMinimum, type CampaignConfig } from "./campaign-config.ts";
import type { ScoreSummary } from "./score-summary.ts";

/** What is held of the student that a campaign would end with (SPEC J11). */
export const gateSchema = z.discriminatedUnion("verdict", [
  /** It is as good as those before it. */
  z.object({ verdict: z.literal("passed"), round: z.int().nonnegative() }),
  /** Nobody can tell. */
  z.object({
    verdict: z.literal("unjudged"),
    round: z.int().nonnegative(),
    detail: z.string(),
  }),
  /** It is not to be used: the campaign ends `failed`. */
  z.object({
    verdict: z.literal("failed"),
    round: z.int().nonnegative(),
    reason: z.enum(["collapse", "mistakes", "broken"]),
    /** Rounds committed when the student that was gone back to came out; null where none is good. */
    fellBackTo: z.int().nonnegative().nullable(),
    detail: z.string(),
  }),
]);
export type Gate = z.output<typeof gateSchema>;
export type FailedGate = Gate & { readonly verdict: "failed" };

/** A student as those who scored it see it: medians over participants (SPEC J9). */
export interface ScoredStudent {
  /** The round whose participants scored it: so many were committed when it came out. */
  readonly round: number;
  readonly agreement: number;
  readonly images: number;
  /** Share of the teacher's mistakes that it makes too; null where too few saw any. */
  readonly transferRate: number | null;
  /** Images with such mistakes. */
  readonly moved: number;
}

/** Scored rounds that the last student is held against. */
const WINDOW = 3;

/**
 * Constants of the gate. In 73 recorded campaigns of the bench that ran to the end of their schedule
 * (docs/results, and docs/research for those of earlier defaults), the last student's agreement was at
 * most .03 below the least of the three before it, its transfer rate at most .015 above their largest.
 * In all 95, students within a campaign lay at most .11 below the best before them, and in the second
 * half of the schedule at most .084 above the three before: where plain distillation grows a backdoor
 * back in a leap, by up to .9 a round, it does so in the first half, and that is for J6. What these are
 * for (a student replaced by its teacher, or by noise) is .8 off.
 */
const GATE = {
  /** Agreement that the last student may lack of the least of the rounds before it. */
  lacks: 0.05,
  /** Transfer rate that it may have above the largest of theirs. */
  exceeds: 0.15,
  /** Agreement that a student within a campaign, still being trained, may lack of the best. */
  collapse: 0.2,
  /** Transfer rate that it may have above the largest of the rounds before it … */
  leap: 0.3,
  /** … once the learning rate is below this share of its peak. */
  learningRateShare: 0.5,
} as const;

/** A student as the gate sees it; undefined where too few have scored it (SPEC J10). */
export function scoredStudent(
  { round: policy }: Pick<CampaignConfig, "round">,
  round: number,
  summary: ScoreSummary | null,
): ScoredStudent | undefined {
  if (summary === null || summary.participants < robustMinimum(policy)) return undefined;
  const { medians, transfer } = summary;
  // Those who saw none have no weight in the rate: of the others one alone must not be its median.
  const saw = (transfer.classes ?? []).reduce((sum, { participants }) => sum + participants, 0);
  return {
    round,
    agreement: medians.agreement,
    images: summary.images,
    transferRate: saw < robustMinimum(policy) ? null : medians.transferRate,
    moved: transfer.moved,
  };
}

/**
 * Whether a student that is still being trained is lost (SPEC J11): it has collapsed, or, late in the
 * schedule, makes the teacher's mistakes all at once. Training on from it would give another one at best.
 *
 * @param before earlier students of the leg, without student₀: it was not trained
 * @param learningRateShare of the peak, in the round that made it
 */
export function judgeOnTheWay(
  before: readonly ScoredStudent[],
  student: ScoredStudent,
  learningRateShare: number,
): FailedGate | undefined {
  const best = extreme(before, ({ agreement }) => agreement);
  if (best !== undefined && falls(best, student, GATE.collapse)) {
    return failed("collapse", before, student, agreementText(best, student));
  }
  if (!(learningRateShare < GATE.learningRateShare)) return undefined;
  return madeMistakes(before, student, GATE.leap);
}

/**
 * What is held of the last student (SPEC J11), by the students of the last scored rounds before it: the
 * learning rate has run out, so it should be what they are. It fails when it has lost agreement, or makes
 * the teacher's mistakes again, by more than a stated amount and more than by chance.
 *
 * @param before as for `judgeOnTheWay`
 * @param last undefined where too few have scored it
 */
export function judgeLast(
  before: readonly ScoredStudent[],
  round: number,
  last: ScoredStudent | undefined,
): Gate {
  const unjudged = (why: string): Gate => ({
    verdict: "unjudged",
    round,
    detail: `nobody judged the last student: ${why}`,
  });
  if (last === undefined) return unjudged("too few participants could score it");
  const least = extreme(before.slice(-WINDOW), ({ agreement }) => -agreement);
  if (least === undefined) return unjudged("no trained student before it was scored by enough");
  if (falls(least, last, GATE.lacks)) {
    return failed("collapse", before, last, agreementText(least, last));
  }
  return madeMistakes(before, last, GATE.exceeds) ?? { verdict: "passed", round };
}

/** Whether a student has less agreement than another by more than an amount, and than by chance. */
function falls(from: ScoredStudent, to: ScoredStudent, amount: number): boolean {
  return from.agreement - to.agreement > Math.max(amount, chance(from.images, to.images));
}

/** Whether a student makes more of the teacher's mistakes than all of the last before it, likewise. */
function madeMistakes(
  before: readonly ScoredStudent[],
  student: ScoredStudent,
  amount: number,
): FailedGate | undefined {
  const known = before.slice(-WINDOW).filter(({ transferRate }) => transferRate !== null);
  const most = extreme(known, ({ transferRate }) => transferRate!);
  if (most === undefined || student.transferRate === null) return undefined;
  const risen = student.transferRate - most.transferRate!;
  if (!(risen > Math.max(amount, chance(most.moved, student.moved)))) return undefined;
  const detail =
    `the student of round ${student.round} makes ${student.transferRate.toFixed(3)} of the teacher's mistakes, ` +
    `those before it at most ${most.transferRate!.toFixed(3)}: what was removed is back`;
  return failed("mistakes", before, student, detail);
}

/**
 * The best of the last of some scored students: the largest agreement less transfer rate, of equals the
 * latest; undefined of none.
 */
export function bestOfLast(students: readonly ScoredStudent[]): ScoredStudent | undefined {
  return extreme(
    students.slice(-WINDOW),
    ({ agreement, transferRate }) => agreement - (transferRate ?? 0),
  );
}

/** The student of the largest value, of equals the latest. */
function extreme(
  students: readonly ScoredStudent[],
  value: (student: ScoredStudent) => number,
): ScoredStudent | undefined {
  return students.reduce<ScoredStudent | undefined>(
    (a, b) => (a === undefined || value(b) >= value(a) ? b : a),
    undefined,
  );
}

function failed(
  reason: FailedGate["reason"],
  before: readonly ScoredStudent[],
  { round }: ScoredStudent,
  detail: string,
): FailedGate {
  const fellBackTo = bestOfLast(before)?.round ?? null;
  return { verdict: "failed", round, reason, fellBackTo, detail };
}

function agreementText(before: ScoredStudent, student: ScoredStudent): string {
  return (
    `the student of round ${student.round} agrees with the teacher on ${student.agreement.toFixed(3)} of images, ` +
    `that of round ${before.round} on ${before.agreement.toFixed(3)}: it has collapsed`
  );
}

/**
 * What chance does to the difference of two shares: two standard deviations of one at a half where as
 * many images were looked at, which are the same ones then, twice that where they are others (SPEC J6).
 */
export function chance(before: number, after: number): number {
  return (before === after ? 1 : 2) / Math.sqrt(Math.min(before, after));
}
