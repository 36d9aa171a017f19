import { ProtocolError } from "../../../protocol/errors.ts";
import { bestOfLast, type FailedGate } from "../../../protocol/round/gate.ts";
import type { RefuseRequest } from "../../../protocol/round/refusal.ts";
import { placeOf } from "../../../protocol/round/timeline.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";
import { attemptAtHand, requireAwaited } from "./attempt-at-hand.ts";
import { settleSeals } from "../hidden/settle-seals.ts";
import { linkRollback } from "../chain/append.ts";
import type { AttemptRecord } from "../store/attempt-record.ts";
import { scoredStudents } from "./decide.ts";
import type { Ledger } from "../store/ledger.ts";
import { settleTrial } from "../trying/settle-trial.ts";
import { phaseOf } from "./phases.ts";
import { endFailed, endVoid, settleDeadline } from "./transitions.ts";

/**
 * Takes note that a participant cannot work with the round's student (SPEC J12). Its place is free for
 * another.
 *
 * @throws ProtocolError `stale-round`, `malformed-request` or `update-conflict`.
 */
export function refuseStudent(
  ledger: Ledger,
  participant: string,
  id: AttemptId,
  { found }: RefuseRequest,
  now: number,
): void {
  const attempt = attemptAtHand(ledger, participant, id);
  requireAwaited(ledger, attempt);
  const { config, course } = ledger.campaign.read();
  if (placeOf(config, id.round, course).leg.kind === "statistics") {
    throw new ProtocolError(
      "malformed-request",
      `round ${id.round} is for statistics: it has no student that could be broken`,
    );
  }
  if (ledger.commits.find(id, participant) !== undefined) {
    throw new ProtocolError(
      "update-conflict",
      `this participant committed an update of round ${id.round}, attempt ${id.attempt} already`,
    );
  }
  ledger.rounds.addRefusal(id, participant, found, now);
  settleRefusals(ledger, now);
}

/**
 * What takes effect by itself: refusals of most (SPEC J12), a deadline (SPEC R1, K4), or that seeds were
 * sealed under what an earlier version told (SPEC M9.5).
 */
export function settleAttempt(ledger: Ledger, now: number): void {
  settleTrial(ledger, now);
  settleSeals(ledger, now);
  if (!settleRefusals(ledger, now)) settleDeadline(ledger, now);
}

/** Ends the campaign if most of those who answered the attempt refuse its student; says whether it did. */
export function settleRefusals(ledger: Ledger, now: number): boolean {
  const campaign = ledger.campaign.read();
  const attempt = ledger.rounds.current();
  if (campaign.state !== "running" || attempt === undefined) return false;
  if (phaseOf(campaign, attempt)?.by !== "participants") return false;
  const refused = ledger.rounds.placesRefused(attempt);
  if (refused === 0) return false;
  const answered = refused + ledger.commits.totals(attempt).accepted;
  const { goal } = campaign.config.round;
  const isDue =
    answered >= Math.min(goal, ledger.roster.placesFilled()) ||
    (attempt.deadline !== null && now >= attempt.deadline);
  // One alone never decides where others are expected, be they there yet or not.
  const isMost = 2 * refused > answered && refused >= Math.min(2, goal);
  if (!isDue || !isMost) return false;
  const found = ledger.rounds.refusals(attempt).map((one) => one.found);
  const kinds = [...new Set(found)].sort();
  const detail =
    `${refused} of the ${answered} participants who answered round ${attempt.round} cannot work with its student ` +
    `(not finite or out of bounds: ${kinds.join(", ")})`;
  failBroken(ledger, attempt, detail, now);
  return true;
}

function failBroken(ledger: Ledger, attempt: AttemptRecord, detail: string, now: number): void {
  const { round } = attempt;
  const { decisions } = ledger.campaign.read();
  const fellBackTo = goodStudentBefore(ledger, round);
  const gate: FailedGate = { verdict: "failed", round, reason: "broken", fellBackTo, detail };
  ledger.campaign.decide({ ...decisions, gate });
  endVoid(ledger, attempt, detail, now);
  linkRollback(ledger, gate);
  endFailed(ledger, gate);
}

/**
 * Rounds committed when the last good student before a round's came out: the best of those that were
 * scored last, else the one that the round before trained from, unless that was a student₀. What came
 * after the student that an alarm went back to is not among them.
 */
function goodStudentBefore(ledger: Ledger, round: number): number | null {
  const { config, course, decisions } = ledger.campaign.read();
  const { leg, roundOfLeg } = placeOf(config, round, course);
  if (leg.kind !== "main") return null;
  const last = decisions.alarm?.fellBackTo ?? round - 1;
  const best = bestOfLast(scoredStudents(ledger, config, leg, last));
  return best?.round ?? (roundOfLeg > 1 ? last : null);
}
