import {
  chooseCandidate,
  regrowthAlarm,
  settled,
  watchedRound,
  type Decisions,
} from "../../../protocol/round/decisions.ts";
import type { CampaignConfig } from "../../../protocol/round/campaign-config.ts";
import type { ScoreSummary } from "../../../protocol/round/score-summary.ts";
import {
  judgeLast,
  judgeOnTheWay,
  scoredStudent,
  type Gate,
  type ScoredStudent,
} from "../../../protocol/round/gate.ts";
import { pullBackAfter, overshootAfter } from "../../../protocol/round/steps-along-line.ts";
import { learningRateAt } from "../../../protocol/round/schedule.ts";
import { legsOf, placeOf, type Leg, type Place } from "../../../protocol/round/timeline.ts";
import type { CampaignRecord } from "../store/campaign-store.ts";
import type { Ledger } from "../store/ledger.ts";

/**
 * All that is decided once a round is committed with these scores (SPEC J5 to J7, J11, J13): the choice
 * after the last probe's judging round, alarm, stop, overshoot or failure after a training round of the main
 * leg, and what is held of its last student after its judging round.
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
  if (course.unjudged === true) return decisions;
  const gate = gateAfter(ledger, { config, decisions }, place, round, scores);
  if (gate !== undefined) return { ...decisions, gate };
  if (place.judging) return decisions;
  // Without student₀: it was not trained, so it says nothing of where training leads.
  const earlier = ledger.rounds.committedScores(leg.firstRound + 1, round - 1);
  const watched = [...earlier, ...(place.roundOfLeg > 0 ? [{ round, scores }] : [])].flatMap(
    (at) => watchedRound(config, at.round, at.scores) ?? [],
  );
  // Only the round at hand can bring news.
  if (watched.at(-1)?.round !== round) return decisions;
  const alarm = decisions.alarm ?? regrowthAlarm(judging, watched) ?? null;
  if (alarm !== null && alarm.fellBackTo !== null) return { ...decisions, alarm };
  const stopped = settled(judging, watched, place) ?? null;
  const next = { ...decisions, alarm, stopped };
  const isDecided = decisions.overshoot !== undefined || decisions.pullBack !== undefined;
  // Once training stops there is no next student to go another way.
  if (isDecided || stopped !== null) return next;
  const overshoot = overshootAfter(config, watched, place);
  if (overshoot !== undefined) return { ...next, overshoot };
  const pullBack = pullBackAfter(config, watched, place);
  return pullBack === undefined ? next : { ...next, pullBack };
}

/** Students of a leg but its student₀, up to the one that round `last` began with, as they were scored. */
export function scoredStudents(
  ledger: Ledger,
  config: CampaignConfig,
  leg: Leg,
  last: number,
): ScoredStudent[] {
  return ledger.rounds
    .committedScores(leg.firstRound + 1, last)
    .flatMap((at) => scoredStudent(config, at.round, at.scores) ?? []);
}

/**
 * What is held of the student that a round of the main leg began with (SPEC J11); nothing is said of one
 * that is still being trained and is in order.
 */
function gateAfter(
  ledger: Ledger,
  { config, decisions }: Pick<CampaignRecord, "config" | "decisions">,
  { judging, leg, roundOfLeg, startStep, totalSteps }: Place,
  round: number,
  scores: ScoreSummary | null,
): Gate | undefined {
  // After a fall-back the last student is an earlier one.
  const last = (judging ? decisions.alarm?.fellBackTo : null) ?? round - 1;
  const before = scoredStudents(ledger, config, leg, last);
  const student = scoredStudent(config, round, scores);
  if (judging) return judgeLast(before, round, student);
  if (roundOfLeg === 0 || student === undefined) return undefined;
  const trained = { step: startStep - config.distillation.localSteps, totalSteps };
  return judgeOnTheWay(before, student, learningRateAt(trained, 1));
}
