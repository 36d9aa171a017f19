import {
  minimumUpdates,
  silentAfterMs,
  type CampaignConfig,
} from "../../../protocol/round/campaign-config.ts";
import type { RoundState } from "../../../protocol/round/states.ts";
import { minimumStatistics } from "../../../protocol/round/statistics-round.ts";
import { placeOf, type Place } from "../../../protocol/round/timeline.ts";
import type { AttemptRecord } from "../store/attempt-record.ts";
import type { CampaignRecord } from "../store/campaign-store.ts";
import type { Ledger } from "../store/ledger.ts";
import { reachedGoal, reachedGoalWithScores } from "./awaited-scores.ts";

/** Participants are waited for, until all is there or the phase's deadline passes. */
interface AwaitedPhase {
  readonly by: "participants";
  /** What the attempt is called while it is in the phase. */
  readonly state: Extract<RoundState, "collecting">;
  /** Accepted commits without which the attempt is void at the deadline. */
  readonly minimum: (policy: CampaignConfig["round"]) => number;
  /** Whether nobody is waited for any more. */
  readonly isComplete: (ledger: Ledger, attempt: AttemptRecord) => boolean;
}

/** The coordinator works, and tries again until it is done. */
interface WorkPhase {
  readonly by: "coordinator";
  readonly state: Extract<RoundState, "combining">;
  readonly work: "combine" | "judge" | "pool";
}

/** Voters look at what came of the work before; what they say decides what follows (SPEC K). */
interface TrialPhase {
  readonly by: "voters";
  readonly state: Extract<RoundState, "trying">;
}

/**
 * One after the other they make an attempt at a round (SPEC R1). Each has a state of its own, by which
 * its attempt's row tells where it stands.
 */
export type Phase = AwaitedPhase | WorkPhase | TrialPhase;

/** What the coordinator's phases may be about. */
export type Work = WorkPhase["work"];

function awaiting(terms: Pick<AwaitedPhase, "minimum" | "isComplete">): AwaitedPhase {
  return { by: "participants", state: "collecting", ...terms };
}

function working(work: Work): WorkPhase {
  return { by: "coordinator", state: "combining", work };
}

const TRAINING: readonly Phase[] = [
  awaiting({ minimum: minimumUpdates, isComplete: reachedGoal }),
  working("combine"),
];
const TRIED_TRAINING: readonly Phase[] = [...TRAINING, { by: "voters", state: "trying" }];
const JUDGING: readonly Phase[] = [
  awaiting({ minimum: minimumUpdates, isComplete: reachedGoalWithScores }),
  working("judge"),
];
const STATISTICS: readonly Phase[] = [
  awaiting({ minimum: minimumStatistics, isComplete: reachedGoal }),
  working("pool"),
];

/** The phases of every attempt at a round that stands there, in order. */
export function phasesOf(
  { judging, leg }: Pick<Place, "judging" | "leg">,
  { trial }: Pick<CampaignConfig, "trial">,
): readonly Phase[] {
  if (leg.kind === "statistics") return STATISTICS;
  if (judging) return JUDGING;
  return trial === null ? TRAINING : TRIED_TRAINING;
}

/** The phase that an attempt is in; undefined while it is open, and once it has ended. */
export function phaseOf(
  { config, course }: Pick<CampaignRecord, "config" | "course">,
  { round, state }: AttemptRecord,
): Phase | undefined {
  return phasesOf(placeOf(config, round, course), config).find((phase) => phase.state === state);
}

/**
 * The phase that follows; of one that is open the first.
 *
 * @throws Error after the last, which ends with the attempt.
 */
export function phaseAfter(
  { config, course }: Pick<CampaignRecord, "config" | "course">,
  { round, state }: AttemptRecord,
): Phase {
  const phases = phasesOf(placeOf(config, round, course), config);
  const at = phases.findIndex((phase) => phase.state === state);
  const next = state === "open" || at >= 0 ? phases[at + 1] : undefined;
  if (next === undefined) throw new Error(`no phase follows on '${state}' in round ${round}`);
  return next;
}

/** What the attempt's row says from the beginning of a phase on. */
export function beginningOf(
  phase: Phase,
  policy: CampaignConfig["round"],
  now: number,
): Partial<AttemptRecord> {
  switch (phase.by) {
    case "participants":
      return { state: phase.state, deadline: deadlineFrom(policy, now) };
    case "coordinator":
      return { state: phase.state, failures: 0, retryAt: null };
    case "voters":
      return { state: phase.state, deadline: votesDueFrom(policy, now) };
    default:
      return phase satisfies never;
  }
}

/** When a phase that begins now is to end, ms since the epoch. */
export function deadlineFrom({ deadlineSeconds }: CampaignConfig["round"], now: number): number {
  return now + 1000 * deadlineSeconds;
}

/** When votes on a candidate that begins to be tried now come too late (SPEC K4), ms since the epoch. */
export function votesDueFrom(policy: CampaignConfig["round"], now: number): number {
  return now + silentAfterMs(policy);
}

/** When the phase is to be looked at by itself, ms since the epoch. */
export function dueAt({ by }: Phase, { deadline, retryAt }: AttemptRecord): number {
  return (by === "coordinator" ? retryAt : deadline) ?? 0;
}
