import { ProtocolError } from "../../../protocol/errors.ts";
import type { EnrolRequest, RenewRequest } from "../../../protocol/round/access.ts";
import { RENEWAL_WINDOW_MS, renewalBytes } from "../../../protocol/round/signing.ts";
import { requireSignature } from "../../access/signatures.ts";
import { requireOpen } from "../after-end.ts";
import type { Ledger } from "../store/ledger.ts";
import type { ParticipantRecord } from "../store/roster.ts";

export function unknownParticipant(): ProtocolError {
  return new ProtocolError("unauthenticated", "the campaign does not know this participant");
}

function requireNotRemoved({ revoked }: ParticipantRecord): void {
  if (!revoked) return;
  throw new ProtocolError(
    "participant-revoked",
    "the campaign's administrator removed this participant",
  );
}

/**
 * A participant whose calls are answered (SPEC A3, A8).
 *
 * @throws ProtocolError `unauthenticated`, `participant-revoked` or `campaign-ended`.
 */
export function permitted(ledger: Ledger, participant: string, now: number): ParticipantRecord {
  const person = ledger.roster.participant(participant);
  if (person === undefined) throw unknownParticipant();
  requireNotRemoved(person);
  requireOpen(ledger.campaign.read(), now);
  return person;
}

/**
 * Permits the repetition of an enrolment whose answer was lost (SPEC A2).
 *
 * @throws ProtocolError `participant-revoked`, or `forbidden` when it brings another key.
 */
export function requireSame(known: ParticipantRecord, { publicKey }: EnrolRequest): void {
  requireNotRemoved(known);
  if (known.publicKey === publicKey) return;
  throw new ProtocolError(
    "forbidden",
    "somebody enrolled with this 'key' and another public key: an enrolment is repeated as it was, a new one draws a new 'key'",
  );
}

function wrongTime(now: number): ProtocolError {
  return new ProtocolError(
    "unauthenticated",
    `the renewal was signed for a time that is not the coordinator's, ${new Date(now).toISOString()}, or that was renewed for before: sign this one`,
    { time: now },
  );
}

/**
 * Takes a renewal that was found in order, each time only once, so that one that was overheard is worth
 * nothing when it is sent again.
 *
 * @throws ProtocolError `unauthenticated`.
 */
export function renewOnce(ledger: Ledger, { participant, time }: RenewRequest, now: number): void {
  if (!ledger.roster.renew(participant, time)) throw wrongTime(now);
}

/**
 * Checks what a renewal was signed with (SPEC A6).
 *
 * @throws ProtocolError `bad-signature`, or `unauthenticated` for one whose time is too far off, with
 *   the coordinator's.
 */
export async function requireRenewal(
  request: RenewRequest,
  publicKey: string | null,
  now: number,
): Promise<void> {
  if (publicKey === null) {
    throw new ProtocolError(
      "bad-signature",
      "a version without keys enrolled this participant: its first credential holds until the campaign ends, and cannot be renewed",
    );
  }
  if (Math.abs(request.time - now) > RENEWAL_WINDOW_MS) throw wrongTime(now);
  await requireSignature(publicKey, request.signature, renewalBytes(request), "the renewal");
}
