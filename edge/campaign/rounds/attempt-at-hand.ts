import { ProtocolError } from "../../../protocol/errors.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";
import type { AttemptRecord } from "../store/attempt-record.ts";
import type { Ledger } from "../store/ledger.ts";
import { phaseOf } from "./phases.ts";

function staleRound(detail: string): ProtocolError {
  return new ProtocolError("stale-round", `${detail}: check in for the present one`);
}

/** The attempt, if it is at hand and this participant has a part in it (SPEC R6). */
export function attemptAtHand(ledger: Ledger, participant: string, id: AttemptId): AttemptRecord {
  const current = ledger.rounds.current();
  const name = `round ${id.round}, attempt ${id.attempt}`;
  if (current === undefined || current.round !== id.round || current.attempt !== id.attempt) {
    throw staleRound(`${name} is not the one at hand`);
  }
  if (phaseOf(ledger.campaign.read(), current) === undefined) {
    throw staleRound(`${name} is ${current.state}`);
  }
  if (ledger.rounds.lease(id, participant) === undefined) {
    throw staleRound(`this participant holds no assignment of ${name}`);
  }
  return current;
}

/**
 * Refuses what comes once participants are not waited for any more.
 *
 * @throws ProtocolError `stale-round`.
 */
export function requireAwaited(ledger: Ledger, attempt: AttemptRecord): void {
  if (phaseOf(ledger.campaign.read(), attempt)?.by === "participants") return;
  throw staleRound(`round ${attempt.round}, attempt ${attempt.attempt} is ${attempt.state}`);
}
