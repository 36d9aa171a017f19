import { ProtocolError } from "../../../protocol/errors.ts";
import { dropPart } from "../rounds/transitions.ts";
import type { Ledger } from "../store/ledger.ts";
import type { ParticipantRecord } from "../store/roster.ts";

/**
 * Removes a participant and closes its invite, so that it does not come back by it; its part in a round
 * that still collects is dropped (SPEC A3).
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
  dropPart(ledger, id, now);
  return ledger.roster.participant(id)!;
}
