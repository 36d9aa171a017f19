import { ProtocolError } from "../../../protocol/errors.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";
import { appendLink } from "../chain/append.ts";
import { settleTrial } from "../trying/settle-trial.ts";
import { phaseOf } from "../rounds/phases.ts";
import { advanceIfComplete } from "../rounds/transitions.ts";
import type { Ledger } from "../store/ledger.ts";
import type { ParticipantRecord } from "../store/roster.ts";

/**
 * Removes a participant and closes its invite, so that it does not come back by it; its part in a round
 * that still waits for participants is dropped (SPEC A3).
 *
 * @returns the participant as it is now
 * @throws ProtocolError `not-found`.
 */
export function remove(ledger: Ledger, id: string, now: number): ParticipantRecord {
  const person = ledger.roster.participant(id);
  if (person === undefined) {
    throw new ProtocolError("not-found", `this campaign has no participant ${id}`);
  }
  ledger.roster.revokeParticipant(id);
  ledger.roster.revokeInvite(person.invite);
  const dropped = dropPart(ledger, id);
  if (!person.revoked) appendLink(ledger, { kind: "removal", participant: id, dropped });
  // It may have been the last to be waited for.
  const attempt = ledger.rounds.current();
  if (attempt !== undefined) advanceIfComplete(ledger, attempt, now);
  settleTrial(ledger, now);
  return ledger.roster.participant(id)!;
}

/** Takes a participant's part out of the attempt at hand, and says of which, if it had one there. */
function dropPart(ledger: Ledger, participant: string): AttemptId | null {
  const current = ledger.rounds.current();
  if (current === undefined) return null;
  if (phaseOf(ledger.campaign.read(), current)?.by !== "participants") return null;
  const { attempt, round } = current;
  const held = ledger.rounds.lease({ round, attempt }, participant) !== undefined;
  ledger.rounds.drop({ round, attempt }, participant);
  return held ? { round, attempt } : null;
}
