import {
  chooseCandidate,
  regrowthAlarm,
  settled,
  watchedRound,
  type Decisions,
} from "../../protocol/round/decisions.ts";
import type { ScoreSummary } from "../../protocol/round/score-summary.ts";
import { legsOf, placeOf } from "../../protocol/round/timeline.ts";
import type { CampaignRecord } from "./campaign-store.ts";
import type { Ledger } from "./ledger.ts";

/**
 * All that is decided once a round is committed with these scores (SPEC J5 to J7): the choice after
 * the last probe's judging round, alarm or stop after a training round of the main leg.
 *
 * @param scores the round's own; those of earlier ones are read from the ledger
 */
export function decisionsAfter(
  ledger: Ledger,
  { config, course, decisions }: CampaignRecord,
  round: number,
  scores: ScoreSummary | null,
): Decisions {
  const place = placeOf(config, round, course);
  const { leg } = place;
  if (leg.kind === "statistics") return decisions;
  if (leg.kind === "probe") {
    const judgingRounds = legsOf(config, course)
      .filter(({ kind }) => kind === "probe")
      .map(({ judgingRound }) => judgingRound);
    if (round !== judgingRounds.at(-1)) return decisions;
    const probes = ledger.rounds
      .committedScores(0, round - 1)
      .filter((at) => judgingRounds.includes(at.round))
      .concat({ round, scores })
      .flatMap((at) => at.scores ?? []);
    return { ...decisions, choice: chooseCandidate(config, probes) };
  }
  const { judging } = config;
  if (place.judging || course.unjudged === true) return decisions;
  // Without student₀: it was not trained, so it says nothing of where training leads.
  const earlier = ledger.rounds.committedScores(leg.firstRound + 1, round - 1);
  const watched = [...earlier, ...(place.roundOfLeg > 0 ? [{ round, scores }] : [])].flatMap(
    (at) => watchedRound(config, at.round, at.scores) ?? [],
  );
  // Only the round at hand can bring news.
  if (watched.at(-1)?.round !== round) return decisions;
  const alarm = decisions.alarm ?? regrowthAlarm(judging, watched) ?? null;
  if (alarm !== null && alarm.fellBackTo !== null) return { ...decisions, alarm };
  return { ...decisions, alarm, stopped: settled(judging, watched, place) ?? null };
}
