import { ProtocolError } from "../../protocol/errors.ts";
import type { StudentRecord } from "./store/campaign-store.ts";
import { chainLinkSchema, type ChainLink } from "./store/chain.ts";
import type { Ledger } from "./store/ledger.ts";

/**
 * The student after `round` committed rounds; without it the latest, or the one that a campaign which
 * failed went back to.
 *
 * @throws ProtocolError `not-found`.
 */
export function studentAfter(
  ledger: Ledger,
  round?: number,
): { model: string; student: StudentRecord } {
  const { committed, decisions, model } = ledger.campaign.read();
  const good = decisions.gate?.verdict === "failed" ? decisions.gate.fellBackTo : null;
  const student = ledger.campaign.student(round ?? good ?? committed);
  if (student !== undefined) return { model: model.digest, student };
  throw new ProtocolError(
    "not-found",
    `there is no student of round ${round ?? committed}: ${committed} rounds are committed (0 is the student before the first, but for campaigns that begin with a statistics round, where it comes of that)`,
  );
}

/**
 * What the chain's value after a committed round was computed from.
 *
 * @throws ProtocolError `not-found`.
 */
export function linkOf(ledger: Ledger, round: number): { chain: string; link: ChainLink } {
  const student = ledger.campaign.student(round + 1);
  if (student?.link == null || student.chain === null) {
    throw new ProtocolError("not-found", `round ${round} is not committed`);
  }
  return { chain: student.chain, link: chainLinkSchema.parse(JSON.parse(student.link)) };
}
