import { chosenRule, type ChosenRule } from "../../aggregation/configured-rule.ts";
import type { Contribution } from "../../aggregation/rule.ts";
import { placeOf, type Place } from "../../../protocol/round/timeline.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";
import { dueAt, phaseOf, type Work } from "../rounds/phases.ts";
import type { AttemptRecord } from "../store/attempt-record.ts";
import type { CampaignRecord } from "../store/campaign-store.ts";
import type { AcceptedUpdate } from "../store/commit-store.ts";
import type { Ledger } from "../store/ledger.ts";
import {
  candidateAtHand,
  partiesByParticipant,
  type CandidateAtHand,
} from "../trying/candidate-at-hand.ts";
import { earlierNorm } from "./earlier-norm.ts";
import { drawnOrder, roundSeed } from "./round-draw.ts";

/** What an attempt combines, fixed from the moment it stopped collecting. */
export interface CombiningPlan {
  readonly campaign: CampaignRecord;
  readonly attempt: AttemptRecord;
  readonly work: Work;
  readonly place: Place;
  /** Which of the attempt's candidates it makes; undefined where they are not tried. */
  readonly trial: CandidateAtHand | undefined;
  /** In canonical order; without those that the candidate leaves out. */
  readonly updates: readonly AcceptedUpdate[];
  /** The same as they are combined: each participant's by itself. */
  readonly contributions: readonly PlannedContribution[];
  /** By which they are combined: follows from who came. */
  readonly chosen: ChosenRule;
  /** What chance decides in it is drawn from. */
  readonly seed: string;
  /** A permutation of the contributions, by the seed. */
  readonly order: readonly number[];
  /** ‖u‖/w in the middle of the last round of this leg that combined any; undefined before there is one. */
  readonly earlierNorm: number | undefined;
}

interface PlannedContribution extends Contribution {
  /** Its members'. */
  readonly updates: readonly AcceptedUpdate[];
}

/** The plan of the attempt at hand, if it is combining in a running campaign and not to be tried later. */
export function combiningPlan(ledger: Ledger, now: number): CombiningPlan | undefined {
  const campaign = ledger.campaign.read();
  const attempt = ledger.rounds.current();
  if (campaign.state !== "running" || attempt === undefined) return undefined;
  const phase = phaseOf(campaign, attempt);
  if (phase?.by !== "coordinator") return undefined;
  // An alarm may come early: whoever asks while it combines sets one before a failure says when.
  if (dueAt(phase, attempt) > now) return undefined;
  const isTried = phase.work === "combine" && campaign.config.trial !== null;
  const trial = isTried
    ? candidateAtHand(ledger, attempt, ledger.commits.accepted(attempt))
    : undefined;
  return planOf(ledger, attempt, phase.work, trial);
}

/** What an attempt, or one of its candidates, combines. */
export function planOf(
  ledger: Ledger,
  attempt: AttemptRecord,
  work: Work,
  trial: CandidateAtHand | undefined,
): CombiningPlan {
  const campaign = ledger.campaign.read();
  const place = placeOf(campaign.config, attempt.round, campaign.course);
  const accepted = ledger.commits.accepted(attempt);
  const parties = trial && partiesByParticipant(ledger, accepted);
  const updates = accepted.filter(
    ({ participant }) => trial?.leftOut.includes(parties?.get(participant) ?? "") !== true,
  );
  const contributions = updates.map((update) => ({
    members: [update.participant],
    ...partyOf(ledger, update.participant),
    weight: update.weight,
    updates: [update],
  }));
  const seed = roundSeed(campaign.id, attempt, updates);
  return {
    campaign,
    attempt,
    work,
    place,
    trial,
    updates,
    contributions,
    chosen: chosenRule(campaign.config.aggregation, contributions),
    seed,
    order: drawnOrder(seed, contributions.length),
    earlierNorm: earlierNorm(ledger, attempt.round, place),
  };
}

/** Tells results of one candidate's passes from another's. */
export function passOf({ trial }: CombiningPlan, pass: string): string {
  const candidate = trial?.candidate ?? 0;
  return candidate === 0 ? pass : `${pass} ${candidate}`;
}

/** Whether `id` is still what combines: false after a pause, an abort, or another's commit. */
export function stillCombines(ledger: Ledger, id: AttemptId): boolean {
  const campaign = ledger.campaign.read();
  const attempt = ledger.rounds.current();
  if (campaign.state !== "running" || attempt === undefined) return false;
  if (attempt.round !== id.round || attempt.attempt !== id.attempt) return false;
  return phaseOf(campaign, attempt)?.by === "coordinator";
}

function partyOf(
  ledger: Ledger,
  participant: string,
): Pick<Contribution, "party" | "organisation"> {
  const { invite, organisation } = ledger.roster.participant(participant)!;
  return { party: invite, organisation };
}
