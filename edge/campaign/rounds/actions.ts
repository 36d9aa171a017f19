import { ProtocolError } from "../../../protocol/errors.ts";
import { afterAction, type CampaignAction } from "../../../protocol/round/states.ts";
import type { AttemptRecord } from "../store/attempt-record.ts";
import type { Ledger } from "../store/ledger.ts";
import { pauseForMisfit, stopDeadline } from "./pauses.ts";
import { phaseOf } from "./phases.ts";
import { settleTrial } from "../trying/settle-trial.ts";
import { settleRefusals } from "./refusals.ts";
import { advanceIfComplete, endVoid } from "./transitions.ts";

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
  // First, since what follows may pause or end the campaign again.
  ledger.announce({ type: "campaign-state", state });
  const attempt = ledger.rounds.current();
  switch (action) {
    case "start":
      ledger.rounds.open({ round: 0, attempt: 0 }, now);
      break;
    case "pause":
      stopDeadline(ledger, attempt, now);
      break;
    case "resume":
      ledger.campaign.update({ voidsInRow: 0 });
      if (attempt !== undefined) resumeAttempt(ledger, attempt, now);
      break;
    case "abort":
      if (attempt !== undefined && attempt.state !== "committed") {
        endVoid(ledger, attempt, "the campaign was aborted", now);
      }
      ledger.campaign.update({ sweepAt: now });
      break;
    default:
      action satisfies never;
  }
  // Those who wait for the start may have told already.
  if (action === "start" && pauseForMisfit(ledger, now, false)) return;
  const opened = ledger.rounds.current();
  if (state === "running" && opened?.state === "open") {
    ledger.announce({ type: "round-opened", round: opened.round, attempt: opened.attempt });
  }
}

function resumeAttempt(ledger: Ledger, attempt: AttemptRecord, now: number): void {
  const campaign = ledger.campaign.read();
  const phase = phaseOf(campaign, attempt);
  switch (phase?.by) {
    case undefined:
      return;
    case "coordinator":
      return ledger.rounds.update(attempt, { failures: 0, retryAt: null, detail: null });
    case "participants":
      ledger.rounds.update(attempt, { deadline: now + (campaign.remainingMs ?? 0) });
      ledger.campaign.update({ remainingMs: null });
      // Most of what came meanwhile may say that the student is broken (SPEC J12).
      if (settleRefusals(ledger, now)) return;
      return advanceIfComplete(ledger, attempt, now);
    case "voters":
      ledger.rounds.update(attempt, { deadline: now + (campaign.remainingMs ?? 0) });
      ledger.campaign.update({ remainingMs: null });
      return settleTrial(ledger, now);
    default:
      phase satisfies never;
  }
}
