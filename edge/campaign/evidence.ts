import { evidenceGap } from "../../protocol/round/evidence.ts";
import { legsOf } from "../../protocol/round/timeline.ts";
import type { Ledger } from "./store/ledger.ts";

/** What is missing for the campaign's result to be judged by anything, from the rows; null where nothing is. */
export function evidenceGapOf(ledger: Ledger, now: number): string | null {
  const { committed, config, course, state } = ledger.campaign.read();
  const { firstRound } = legsOf(config, course).at(-1)!;
  const scored = ledger.rounds
    .committedScores(firstRound, committed - 1)
    .map(({ round, scores }) => ({ round, participants: scores?.participants ?? 0 }));
  const places = ledger.roster.invites().length === 0 ? null : ledger.roster.placesAtMost(now);
  return evidenceGap({ config, course, places, scored, state }) ?? null;
}
