import { ProtocolError } from "../../../protocol/errors.ts";
import type { FailedGate } from "../../../protocol/round/gate.ts";
import { minimumUpdates } from "../../../protocol/round/campaign-config.ts";
import { afterAction, type CampaignAction } from "../../../protocol/round/states.ts";
import { minimumStatistics } from "../../../protocol/round/statistics-round.ts";
import { placeOf } from "../../../protocol/round/timeline.ts";
import { hasItsUpdates } from "./awaited-scores.ts";
import { misfitStops } from "./fit.ts";
import type { CampaignRecord } from "../store/campaign-store.ts";
import type { Ledger } from "../store/ledger.ts";
import type { AttemptRecord } from "../store/attempt-record.ts";

/** Makes the deadline take effect, if it has passed (SPEC R1). */
export function settleDeadline(ledger: Ledger, now: number): void {
  const campaign = ledger.campaign.read();
  const attempt = ledger.rounds.current();
  if (campaign.state !== "running" || attempt?.state !== "collecting") return;
  if (attempt.deadline === null || now < attempt.deadline) return;
  const { accepted, rejected } = ledger.commits.totals(attempt);
  const { config, course } = campaign;
  const isMeasuring = placeOf(config, attempt.round, course).leg.kind === "statistics";
  const minimum = (isMeasuring ? minimumStatistics : minimumUpdates)(config.round);
  if (accepted >= minimum) return beginCombining(ledger, attempt, now);
  const refused = ledger.rounds.refusals(attempt).length;
  const broken =
    refused === 0 ? "" : `, and ${refused} participants say that the student is broken`;
  const missing = `${accepted} of at least ${minimum} updates had come by the deadline${broken}`;
  const declined = `${missing}, and ${rejected} participants have too few images to measure`;
  voidAttempt(ledger, attempt, isMeasuring && rejected > 0 ? declined : missing, now);
}

/**
 * From here on the attempt takes no update; its accepted ones are its inputs. A campaign whose
 * participants' pictures do not fit pauses instead, before anything comes of it (SPEC F3).
 */
export function beginCombining(ledger: Ledger, attempt: AttemptRecord, now: number): void {
  if (pauseForMisfit(ledger, now, true)) return;
  ledger.rounds.update(attempt, { state: "combining", failures: 0, retryAt: null });
}

/** What the administrator alone is told of a void attempt. */
interface VoidAdvice {
  /** Who may have caused it. */
  readonly suspects: string;
  /** What may be done once the campaign has paused. */
  readonly remedy: string;
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
  ledger.rounds.update(attempt, { state: "aborted", endedAt: now, detail: whole });
  ledger.announce({ type: "round-void", round, attempt: attempt.attempt, detail });
  const next = { round, attempt: attempt.attempt + 1 };
  ledger.rounds.open(next, now);
  const voidsInRow = campaign.voidsInRow + 1;
  ledger.campaign.update({ voidsInRow, sweepAt: now });
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

/** Takes a removed participant's part out of a round that still collects (SPEC A3). */
export function dropPart(ledger: Ledger, participant: string, now: number): void {
  const attempt = ledger.rounds.current();
  if (attempt?.state !== "collecting") return;
  ledger.rounds.drop(attempt, participant);
  // It may have been the last to be waited for.
  const isRunning = ledger.campaign.read().state === "running";
  if (isRunning && hasItsUpdates(ledger, attempt)) beginCombining(ledger, attempt, now);
}

/**
 * Pauses a campaign whose participants' pictures do not fit the teacher (SPEC F3).
 *
 * @param isLast whether the first round is about to be combined
 * @returns whether it did
 */
export function pauseForMisfit(ledger: Ledger, now: number, isLast: boolean): boolean {
  const campaign = ledger.campaign.read();
  if (campaign.state !== "running") return false;
  const detail = misfitStops(ledger, campaign, isLast);
  if (detail === undefined) return false;
  const attempt = ledger.rounds.current();
  if (attempt?.state === "collecting") stopDeadline(ledger, attempt, now);
  ledger.campaign.update({ stoppedForFit: 1 });
  pauseWith(ledger, detail);
  return true;
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

/** The campaign pauses itself and says why. */
export function pauseWith(ledger: Ledger, detail: string): void {
  ledger.campaign.update({ state: "paused", detail });
  ledger.announce({ type: "campaign-state", state: "paused" });
}

/**
 * An administrator's action (SPEC C2).
 *
 * @throws ProtocolError `campaign-state` when the state does not permit it.
 */
export function act(ledger: Ledger, action: CampaignAction, now: number): void {
  const campaign = ledger.campaign.read();
  const state = afterAction(campaign.state, action);
  if (state === undefined) {
    throw new ProtocolError(
      "campaign-state",
      `the campaign is ${campaign.state}: '${action}' is not possible then`,
      { state: campaign.state },
    );
  }
  ledger.campaign.update({ state, detail: null });
  const attempt = ledger.rounds.current();
  switch (action) {
    case "start":
      ledger.rounds.open({ round: 0, attempt: 0 }, now);
      break;
    case "pause":
      if (attempt?.state === "collecting") stopDeadline(ledger, attempt, now);
      break;
    case "resume":
      ledger.campaign.update({ voidsInRow: 0 });
      if (attempt !== undefined) resumeAttempt(ledger, campaign, attempt, now);
      break;
    case "abort":
      if (attempt !== undefined && attempt.state !== "committed") {
        const detail = "the campaign was aborted";
        ledger.rounds.update(attempt, { state: "aborted", endedAt: now, detail });
      }
      ledger.campaign.update({ sweepAt: now });
      break;
    default:
      action satisfies never;
  }
  ledger.announce({ type: "campaign-state", state });
  // Those who wait for the start may have told already.
  if (action === "start" && pauseForMisfit(ledger, now, false)) return;
  const opened = ledger.rounds.current();
  if (state === "running" && opened?.state === "open") {
    ledger.announce({ type: "round-opened", round: opened.round, attempt: opened.attempt });
  }
}

/** While paused the deadline does not run (SPEC C3). */
function stopDeadline(ledger: Ledger, attempt: AttemptRecord, now: number): void {
  const remainingMs = Math.max(0, (attempt.deadline ?? now) - now);
  ledger.campaign.update({ remainingMs });
  ledger.rounds.update(attempt, { deadline: null });
}

function resumeAttempt(
  ledger: Ledger,
  campaign: CampaignRecord,
  attempt: AttemptRecord,
  now: number,
): void {
  if (attempt.state === "combining") {
    ledger.rounds.update(attempt, { failures: 0, retryAt: null, detail: null });
  }
  if (attempt.state !== "collecting") return;
  ledger.rounds.update(attempt, { deadline: now + (campaign.remainingMs ?? 0) });
  ledger.campaign.update({ remainingMs: null });
  if (hasItsUpdates(ledger, attempt)) beginCombining(ledger, attempt, now);
}
