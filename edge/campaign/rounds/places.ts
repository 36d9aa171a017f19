import { silentAfterMs } from "../../../protocol/round/campaign-config.ts";
import type { AttemptRecord } from "../store/attempt-record.ts";
import { awaitsScores } from "./awaited-scores.ts";
import type { Ledger } from "../store/ledger.ts";

/** When a participant was last heard of, ms since the epoch, given what its row says of it. */
export type HeardAt = (participant: string, lastSeenAt: number) => number;

/**
 * Assignments of an attempt that are out, in all and of one invite's enrolments (SPEC R2, R14). Not
 * out is what a rejected commit left, what others may have while scores are missing (J3, B3), and the
 * place of one who has been silent for too long. Who refused the student leaves its place to another
 * invite's: one invite's have no more words in that than places (J12).
 */
export function placesOut(
  ledger: Ledger,
  attempt: AttemptRecord,
  invite: string,
  heardAt: HeardAt,
  now: number,
): { readonly all: number; readonly ofInvite: number } {
  const { config } = ledger.campaign.read();
  const silentMs = silentAfterMs(config.round);
  const lacksScores = awaitsScores(ledger, attempt);
  const refused = new Set(ledger.rounds.refusals(attempt).map((one) => one.participant));
  const out = ledger.rounds.holders(attempt).filter((holder) => {
    const { assignedAt, lastSeenAt, participant, verdict } = holder;
    if (verdict === "rejected") return false;
    if (refused.has(participant)) return true;
    if (verdict !== null) return verdict === "scored" || !lacksScores;
    return now - Math.max(assignedAt, heardAt(participant, lastSeenAt)) < silentMs;
  });
  return {
    all: out.filter(({ participant }) => !refused.has(participant)).length,
    ofInvite: out.filter((holder) => holder.invite === invite).length,
  };
}
