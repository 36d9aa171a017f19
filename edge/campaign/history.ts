import { ProtocolError } from "../../protocol/errors.ts";
import { teacherOf, type ModelReference } from "../blobs/model-source.ts";
import type { CommittedLink } from "./chain/link.ts";
import type { StudentRecord } from "./store/campaign-store.ts";
import type { Chained } from "./store/chain-store.ts";
import type { Ledger } from "./store/ledger.ts";

/** A student, and the teacher whose file it goes into. */
export interface StudentOf {
  readonly model: ModelReference;
  readonly student: StudentRecord;
}

/**
 * The student after `round` committed rounds; without it the latest, or the one that a campaign which
 * failed went back to.
 *
 * @throws ProtocolError `not-found`.
 */
export function studentAfter(ledger: Ledger, round?: number): StudentOf {
  const { committed, config, decisions } = ledger.campaign.read();
  const good = decisions.gate?.verdict === "failed" ? decisions.gate.fellBackTo : null;
  const student = ledger.campaign.student(
    round ?? good ?? ledger.campaign.rolledBackTo(committed) ?? committed,
  );
  if (student !== undefined) return { model: teacherOf(config), student };
  throw new ProtocolError(
    "not-found",
    `there is no student of round ${round ?? committed}: ${committed} rounds are committed (0 is the student before the first, but for campaigns that begin with a statistics round, where it comes of that)`,
  );
}

/**
 * A link of the chain, and the value after it.
 *
 * @param position from 0
 * @throws ProtocolError `not-found`.
 */
export function linkAt(ledger: Ledger, position: number): Chained {
  const found = ledger.chain.at(position);
  if (found !== undefined) return found;
  const detail = `the chain has ${ledger.chain.length()} links, counted from 0`;
  throw new ProtocolError("not-found", detail);
}

/**
 * The same of a committed round.
 *
 * @throws ProtocolError `not-found`.
 */
export function linkOfRound(ledger: Ledger, round: number): Chained<CommittedLink> {
  const found = ledger.chain.ofRound(round);
  if (found !== undefined) return found;
  throw new ProtocolError("not-found", `round ${round} is not committed`);
}
