import type { Contribution } from "../../aggregation/rule.ts";
import { placeOf, type Place } from "../../../protocol/round/timeline.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";
import { phaseOf, type Work } from "../rounds/phases.ts";
import type { AttemptRecord } from "../store/attempt-record.ts";
import type { CampaignRecord } from "../store/campaign-store.ts";
import type { AcceptedUpdate } from "../store/commit-store.ts";
import type { Ledger } from "../store/ledger.ts";

/** What an attempt combines, fixed from the moment it stopped collecting. */
export interface CombiningPlan {
  readonly campaign: CampaignRecord;
  readonly attempt: AttemptRecord;
  readonly work: Work;
  readonly place: Place;
  /** In canonical order. */
  readonly updates: readonly AcceptedUpdate[];
  /** The same as they are combined: each participant's by itself. */
  readonly contributions: readonly PlannedContribution[];
}

interface PlannedContribution extends Contribution {
  /** Its members'. */
  readonly updates: readonly AcceptedUpdate[];
}

/** The plan of the attempt at hand, if it is combining in a running campaign. */
export function combiningPlan(ledger: Ledger): CombiningPlan | undefined {
  const campaign = ledger.campaign.read();
  const attempt = ledger.rounds.current();
  if (campaign.state !== "running" || attempt === undefined) return undefined;
  const phase = phaseOf(campaign, attempt);
  if (phase?.by !== "coordinator") return undefined;
  const place = placeOf(campaign.config, attempt.round, campaign.course);
  const updates = ledger.commits.accepted(attempt);
  const contributions = updates.map((update) => ({
    members: [update.participant],
    weight: update.weight,
    updates: [update],
  }));
  return { campaign, attempt, work: phase.work, place, updates, contributions };
}

/** Whether `id` is still what combines: false after a pause, an abort, or another's commit. */
export function stillCombines(ledger: Ledger, id: AttemptId): boolean {
  const attempt = combiningPlan(ledger)?.attempt;
  return attempt?.round === id.round && attempt.attempt === id.attempt;
}
