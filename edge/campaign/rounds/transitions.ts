import type { FailedGate } from "../../../protocol/round/gate.ts";
import { placeOf } from "../../../protocol/round/timeline.ts";
import { appendLink, inputsOf } from "../chain/append.ts";
import type { AttemptRecord } from "../store/attempt-record.ts";
import type { Ledger } from "../store/ledger.ts";
import { pauseForMisfit, pauseWith } from "./pauses.ts";
import { beginningOf, phaseAfter, phaseOf } from "./phases.ts";

/**
 * Begins an attempt's next phase (SPEC R1). A campaign whose participants' pictures do not fit pauses
 * instead, before anything is made of what they sent (SPEC F3).
 */
export function advance(ledger: Ledger, attempt: AttemptRecord, now: number): void {
  const campaign = ledger.campaign.read();
  const next = phaseAfter(campaign, attempt);
  if (next.by === "coordinator" && pauseForMisfit(ledger, now, true)) return;
  ledger.rounds.update(attempt, beginningOf(next, campaign.config.round, now));
}

/** Goes on as soon as everything is there that participants are waited for, unless paused (SPEC C3). */
export function advanceIfComplete(ledger: Ledger, attempt: AttemptRecord, now: number): void {
  const campaign = ledger.campaign.read();
  const phase = phaseOf(campaign, attempt);
  if (campaign.state !== "running" || phase?.by !== "participants") return;
  if (phase.isComplete(ledger, attempt)) advance(ledger, attempt, now);
}

/** Makes the deadline take effect, if it has passed (SPEC R1). */
export function settleDeadline(ledger: Ledger, now: number): void {
  const campaign = ledger.campaign.read();
  const attempt = ledger.rounds.current();
  if (campaign.state !== "running" || attempt === undefined) return;
  const phase = phaseOf(campaign, attempt);
  if (phase?.by !== "participants") return;
  if (attempt.deadline === null || now < attempt.deadline) return;
  const { accepted, rejected } = ledger.commits.totals(attempt);
  const minimum = phase.minimum(campaign.config.round);
  if (accepted >= minimum) return advance(ledger, attempt, now);
  const { leg } = placeOf(campaign.config, attempt.round, campaign.course);
  const refused = ledger.rounds.refusals(attempt).length;
  const broken =
    refused === 0 ? "" : `, and ${refused} participants say that the student is broken`;
  const missing = `${accepted} of at least ${minimum} updates had come by the deadline${broken}`;
  const declined = `${missing}, and ${rejected} participants have too few images to measure`;
  const detail = leg.kind === "statistics" && rejected > 0 ? declined : missing;
  voidAttempt(ledger, attempt, detail, now);
}

/** What the administrator alone is told of a void attempt. */
interface VoidAdvice {
  /** Who may have caused it. */
  readonly suspects: string;
  /** What may be done once the campaign has paused. */
  readonly remedy: string;
}

/** The attempt is void: it ends without a result. What that means for the campaign, the caller says. */
export function endVoid(ledger: Ledger, attempt: AttemptRecord, detail: string, now: number): void {
  ledger.rounds.update(attempt, { state: "aborted", endedAt: now, detail });
  ledger.campaign.update({ sweepAt: now });
  appendLink(ledger, {
    kind: "void",
    round: attempt.round,
    attempt: attempt.attempt,
    detail,
    inputs: inputsOf(ledger.commits.accepted(attempt)),
    refusals: ledger.rounds.refusals(attempt),
    decisions: ledger.campaign.read().decisions,
  });
}

/**
 * Ends an attempt without result and opens the next; too many in a row pause the campaign (R10).
 *
 * @param detail why; participants are told it, too
 */
export function voidAttempt(
  ledger: Ledger,
  attempt: AttemptRecord,
  detail: string,
  now: number,
  advice?: VoidAdvice,
): void {
  const { round } = attempt;
  const campaign = ledger.campaign.read();
  const whole = advice === undefined ? detail : `${detail}; ${advice.suspects}`;
  endVoid(ledger, attempt, whole, now);
  ledger.announce({ type: "round-void", round, attempt: attempt.attempt, detail });
  const next = { round, attempt: attempt.attempt + 1 };
  ledger.rounds.open(next, now);
  const voidsInRow = campaign.voidsInRow + 1;
  ledger.campaign.update({ voidsInRow });
  if (voidsInRow < campaign.config.round.maxAttempts) {
    ledger.announce({ type: "round-opened", ...next });
    return;
  }
  const remedy = advice?.remedy ?? "see that enough participants are there, then resume";
  pauseWith(
    ledger,
    `round ${round} was void ${voidsInRow} times in a row, last because ${whole}: ${remedy}`,
  );
}

/** The campaign ends with a student that is not to be used (SPEC J11). */
export function endFailed(ledger: Ledger, { detail, fellBackTo }: FailedGate): void {
  const outcome =
    fellBackTo === null
      ? "there is no good student to go back to"
      : `the campaign went back to the student of round ${fellBackTo}`;
  ledger.campaign.update({ state: "failed", detail: `${detail}; ${outcome}` });
  ledger.announce({ type: "campaign-state", state: "failed" });
}
