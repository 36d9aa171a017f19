import { evidenceGap, type MeasuringSoFar } from "../../protocol/round/evidence.ts";
import { legsOf, placeOf } from "../../protocol/round/timeline.ts";
import type { Ledger } from "./store/ledger.ts";

/** What is missing for the campaign's result to be judged by anything, from the rows; null where nothing is. */
export function evidenceGapOf(ledger: Ledger, now: number): string | null {
  const { committed, config, course, state } = ledger.campaign.read();
  const { firstRound } = legsOf(config, course).at(-1)!;
  const scored = ledger.rounds
    .committedScores(firstRound, committed - 1)
    .map(({ round, scores }) => ({ round, participants: scores?.participants ?? 0 }));
  const places = ledger.roster.invites().length === 0 ? null : ledger.roster.placesAtMost(now);
  const measuring = measuringSoFar(ledger);
  return evidenceGap({ config, course, places, scored, state, measuring }) ?? null;
}

function measuringSoFar(ledger: Ledger): MeasuringSoFar | undefined {
  const attempt = ledger.rounds.current();
  if (attempt === undefined) return undefined;
  const { config, course } = ledger.campaign.read();
  if (placeOf(config, attempt.round, course).leg.kind !== "statistics") return undefined;
  const { accepted, rejected } = ledger.commits.totals(attempt);
  return { measured: accepted, declined: rejected };
}
