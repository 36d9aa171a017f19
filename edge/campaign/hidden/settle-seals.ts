import { toldDigest } from "../../../protocol/round/private-rounds.ts";
import { phaseOf } from "../rounds/phases.ts";
import { voidAttempt } from "../rounds/transitions.ts";
import type { Ledger } from "../store/ledger.ts";

/**
 * Makes an attempt void whose seeds are sealed under a configuration as it is not told any more, after an
 * upgrade (SPEC M9.5): what is sealed from now on is not of the same sum. One that combines has its set.
 */
export function settleSeals(ledger: Ledger, now: number): void {
  const campaign = ledger.campaign.read();
  const attempt = ledger.rounds.current();
  if (campaign.state !== "running" || attempt === undefined) return;
  if (attempt.sealedUnder === null || attempt.sealedUnder === toldDigest(campaign.config)) return;
  if (phaseOf(campaign, attempt)?.by !== "participants") return;
  voidAttempt(
    ledger,
    attempt,
    "the coordinator was upgraded and tells the campaign's configuration otherwise than when the first update was sealed; nothing was opened",
    now,
  );
}
