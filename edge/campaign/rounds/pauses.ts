import type { AttemptRecord } from "../store/attempt-record.ts";
import type { Ledger } from "../store/ledger.ts";
import { misfitStops } from "./fit.ts";
import { phaseOf } from "./phases.ts";

/** The campaign pauses itself and says why. */
export function pauseWith(ledger: Ledger, detail: string): void {
  ledger.campaign.update({ state: "paused", detail });
  ledger.announce({ type: "campaign-state", state: "paused" });
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
  stopDeadline(ledger, ledger.rounds.current(), now);
  ledger.campaign.update({ stoppedForFit: 1 });
  pauseWith(ledger, detail);
  return true;
}

/** While paused the deadline of what participants or voters are waited for does not run (SPEC C3). */
export function stopDeadline(
  ledger: Ledger,
  attempt: AttemptRecord | undefined,
  now: number,
): void {
  if (attempt === undefined) return;
  const phase = phaseOf(ledger.campaign.read(), attempt);
  if (phase === undefined || phase.by === "coordinator") return;
  ledger.campaign.update({ remainingMs: Math.max(0, (attempt.deadline ?? now) - now) });
  ledger.rounds.update(attempt, { deadline: null });
}
