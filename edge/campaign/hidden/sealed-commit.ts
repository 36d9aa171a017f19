import { ProtocolError } from "../../../protocol/errors.ts";
import {
  FEWEST_ORGANISATIONS,
  type PrivateRound,
} from "../../../protocol/privacy/private-round.ts";
import { requireSeal } from "../../../protocol/privacy/two-operators/sealed-seed.ts";
import type { HiddenUpdate } from "../../../protocol/privacy/two-operators/sealed-seed-schema.ts";
import type { CommitRequest } from "../../../protocol/round/assignment.ts";
import { privateRoundOf, toldDigest } from "../../../protocol/round/private-rounds.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";
import { unwrap } from "../../outcome.ts";
import { attemptAtHand } from "../rounds/attempt-at-hand.ts";
import { incomingStudent } from "../rounds/incoming-student.ts";
import type { AttemptRecord } from "../store/attempt-record.ts";
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
  requireNewDevice(ledger, id, seed);
  const { slices } = incomingStudent(ledger, id.round);
  return privateRoundOf(campaign, privacy, toldDigest(campaign.config), id.round, slices);
}

/**
 * Takes a sealed seed into an attempt's sum, in the transaction that takes its commit: others may have been
 * taken while its seal was looked at.
 *
 * @throws ProtocolError `unsafe-sum` for a device that is in it already.
 */
export function takeSeed(ledger: Ledger, attempt: AttemptRecord, { seed }: HiddenUpdate): void {
  requireNewDevice(ledger, attempt, seed);
  if (attempt.sealedUnder !== null) return;
  const sealedUnder = toldDigest(ledger.campaign.read().config);
  ledger.rounds.update(attempt, { sealedUnder });
}

/**
 * Whether an attempt that takes this commit can still come to be of as many organisations as may be opened
 * (SPEC M9.3): one with quick devices would fill it alone, again and again.
 */
export function leavesRoomForOthers(
  ledger: Ledger,
  id: AttemptId,
  { hidden }: CommitRequest,
): boolean {
  if (hidden === undefined) return true;
  const others = ledger.commits.hidden(id).map(({ seed }) => seed.organisation);
  const organisations = new Set([...others, hidden.seed.organisation]).size;
  const left = ledger.campaign.read().config.round.goal - others.length - 1;
  return organisations + left >= FEWEST_ORGANISATIONS;
}

function requireNewDevice(
  ledger: Ledger,
  id: AttemptId,
  { device }: Pick<HiddenUpdate["seed"], "device">,
): void {
  if (!ledger.commits.hidden(id).some(({ seed }) => seed.device === device)) return;
  throw new ProtocolError(
    "unsafe-sum",
    "this device's key is in the round's sum already, for another participant: each needs a key of its own",
  );
}
