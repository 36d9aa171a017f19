import { robustMinimum, type CampaignConfig } from "../../../protocol/round/campaign-config.ts";
import { areLeftOut } from "../../../protocol/round/trial/standing.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";
import { drawnOrder, roundSeed } from "../combining/round-draw.ts";
import type { AcceptedUpdate } from "../store/commit-store.ts";
import type { Ledger } from "../store/ledger.ts";
import { standingsBefore } from "./history.ts";

/** Invites of which a majority means something; of fewer each participant stands for itself (SPEC O9.1). */
const FEWEST_INVITES = 3;

/** What an attempt combines next, where what comes of it is tried. */
export interface CandidateAtHand {
  /** From 0. */
  readonly candidate: number;
  /** Whose updates the attempt has, in the order drawn for it (SPEC K2). */
  readonly parties: readonly string[];
  /** Those of them that are not in it. */
  readonly leftOut: readonly string[];
}

/** Parties whose votes are needed for anybody to be believed (SPEC K4). */
export function fewestVoters({
  aggregation: { hostile },
  round,
}: Pick<CampaignConfig, "aggregation" | "round">): number {
  return Math.max(2 * hostile + 1, robustMinimum(round));
}

/** Who answers for each of these updates, by participant. */
export function partiesByParticipant(
  ledger: Ledger,
  updates: readonly Pick<AcceptedUpdate, "participant">[],
): ReadonlyMap<string, string> {
  const invites = updates.map(({ participant }) => ledger.roster.participant(participant)!.invite);
  const byInvite = new Set(invites).size >= FEWEST_INVITES;
  return new Map(
    updates.map(({ participant }, i) => [participant, byInvite ? invites[i]! : participant]),
  );
}

/**
 * The candidate that an attempt which has its updates is at: the first leaves out whom rounds before say, as
 * far as enough stay, the others follow from votes.
 */
export function candidateAtHand(
  ledger: Ledger,
  attempt: AttemptId,
  updates: readonly AcceptedUpdate[],
): CandidateAtHand {
  const last = ledger.trials.of(attempt).at(-1);
  if (last !== undefined) return last;
  const { config, id } = ledger.campaign.read();
  const order = drawnOrder(roundSeed(id, attempt, updates), updates.length);
  const byParticipant = partiesByParticipant(ledger, updates);
  const parties = [
    ...new Set(order.map((index) => byParticipant.get(updates[index]!.participant)!)),
  ];
  const standings = standingsBefore(ledger, attempt.round, config.aggregation.hostile);
  const unwanted = areLeftOut(standings).filter((party) => parties.includes(party));
  const enough = parties.length - unwanted.length >= fewestVoters(config);
  return { candidate: 0, parties, leftOut: enough ? unwanted : [] };
}
