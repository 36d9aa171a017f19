import { ProtocolError } from "../../../protocol/errors.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";
import type { AttemptRecord } from "../store/attempt-record.ts";
import type { Ledger } from "../store/ledger.ts";

export function staleRound(detail: string): ProtocolError {
  return new ProtocolError("stale-round", `${detail}: check in for the present one`);
}

/** The attempt, if it is at hand and this participant has a part in it (SPEC R6). */
export function attemptAtHand(ledger: Ledger, participant: string, id: AttemptId): AttemptRecord {
  const current = ledger.rounds.current();
  const name = `round ${id.round}, attempt ${id.attempt}`;
  if (current === undefined || current.round !== id.round || current.attempt !== id.attempt) {
    throw staleRound(`${name} is not the one at hand`);
  }
  if (current.state !== "collecting" && current.state !== "combining") {
    throw staleRound(`${name} is ${current.state}`);
  }
  if (ledger.rounds.lease(id, participant) === undefined) {
    throw staleRound(`this participant holds no assignment of ${name}`);
  }
  return current;
}
