import { ProtocolError } from "../../../protocol/errors.ts";
import type { PrivateRound } from "../../../protocol/privacy/private-round.ts";
import { requireSeal } from "../../../protocol/privacy/two-operators/sealed-seed.ts";
import type { HiddenUpdate } from "../../../protocol/privacy/two-operators/sealed-seed-schema.ts";
import type { CommitRequest } from "../../../protocol/round/assignment.ts";
import { privateRoundOf } from "../../../protocol/round/private-rounds.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";
import { unwrap } from "../../outcome.ts";
import { attemptAtHand } from "../rounds/attempt-at-hand.ts";
import { incomingStudent } from "../rounds/incoming-student.ts";
import type { Ledger } from "../store/ledger.ts";
import type { ParticipantRecord } from "../store/roster.ts";
import type { Transactions } from "../transactions.ts";

/**
 * Checks the sealed seed that a commit of a private round brings, before it is taken: who sealed it, who
 * vouches for that device, and that it was done under this round (SPEC M9.3).
 *
 * @throws ProtocolError `unsafe-sum`, or `stale-round`.
 */
export async function requireSealed(
  transactions: Pick<Transactions, "participate">,
  participant: string,
  id: AttemptId,
  { hidden }: CommitRequest,
): Promise<void> {
  if (hidden === undefined) return;
  const round = unwrap(
    await transactions.participate(participant, (ledger, _, person) =>
      roundOfSeal(ledger, person, id, hidden),
    ),
  );
  if (round !== undefined) await requireSeal(hidden.seed, round);
}

/** The round under which it must be sealed; undefined where it was checked before (SPEC R5), or has no place. */
function roundOfSeal(
  ledger: Ledger,
  { id: participant, publicKey }: ParticipantRecord,
  id: AttemptId,
  { seed }: HiddenUpdate,
): PrivateRound | undefined {
  const campaign = ledger.campaign.read();
  const { privacy } = campaign.config;
  if (privacy === undefined || ledger.commits.find(id, participant) !== undefined) return undefined;
  attemptAtHand(ledger, participant, id);
  if (seed.participant !== participant || seed.device !== publicKey) {
    throw new ProtocolError(
      "unsafe-sum",
      "the seed is sealed by another than the participant that commits it: seal it with the key that was enrolled",
    );
  }
  if (ledger.commits.hidden(id).some((other) => other.seed.device === seed.device)) {
    throw new ProtocolError(
      "unsafe-sum",
      "this device's key is in the round's sum already, for another participant: each needs a key of its own",
    );
  }
  return privateRoundOf(campaign, privacy, id.round, incomingStudent(ledger, id.round).slices);
}
