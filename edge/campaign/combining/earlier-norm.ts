import type { Place } from "../../../protocol/round/timeline.ts";
import type { Ledger } from "../store/ledger.ts";

/**
 * f·‖u‖/w in the middle of the last round that combined updates, in the leg at hand (SPEC O9.3): what was
 * taken, not what was sent, or each round would permit the next twice a lie. Of an even number the smaller of
 * the two in the middle.
 */
export function earlierNorm(ledger: Ledger, round: number, { leg }: Place): number | undefined {
  const committed = ledger.rounds.all().filter(({ state }) => state === "committed");
  for (const attempt of committed.toReversed()) {
    if (attempt.round >= round || attempt.round < leg.firstRound) continue;
    const ratios = ledger.commits
      .accepted(attempt)
      .flatMap(({ size, weight }) =>
        size !== null && weight > 0 ? [(size.norm * size.factor) / weight] : [],
      );
    ratios.sort((a, b) => a - b);
    if (ratios.length > 0) return ratios[Math.floor((ratios.length - 1) / 2)];
  }
  return undefined;
}
