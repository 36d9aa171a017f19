import { robustMinimum } from "../../../protocol/round/campaign-config.ts";
import { placeOf } from "../../../protocol/round/timeline.ts";
import type { AttemptRecord } from "../store/attempt-record.ts";
import type { Ledger } from "../store/ledger.ts";

/**
 * Whether an attempt, its goal reached or not, waits for scores still (SPEC J3): a probe's judging round
 * of too few is void (J10), and those who have none to send are done before all others. It does not
 * wait for somebody who may not exist: once everybody has answered it goes as it is.
 */
export function awaitsScores(ledger: Ledger, attempt: AttemptRecord): boolean {
  const { config, course } = ledger.campaign.read();
  const { judging, leg } = placeOf(config, attempt.round, course);
  if (!judging || leg.kind !== "probe") return false;
  const { scored } = ledger.commits.totals(attempt);
  const answered = ledger.commits.placesAnswered(attempt);
  return scored < robustMinimum(config.round) && answered < ledger.roster.placesFilled();
}

/** Whether as many commits were accepted as are wanted (SPEC R1). */
export function reachedGoal(ledger: Ledger, attempt: AttemptRecord): boolean {
  const { goal } = ledger.campaign.read().config.round;
  return ledger.commits.totals(attempt).accepted >= goal;
}

/** The same of a judging round, where some of them must have scores (SPEC J3). */
export function reachedGoalWithScores(ledger: Ledger, attempt: AttemptRecord): boolean {
  return reachedGoal(ledger, attempt) && !awaitsScores(ledger, attempt);
}
