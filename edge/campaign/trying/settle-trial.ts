import { beginsAsTeacher, placeOf } from "../../../protocol/round/timeline.ts";
import { nextStep } from "../../../protocol/round/trial/next-step.ts";
import { tallyOf } from "../../../protocol/round/trial/tally.ts";
import { commitCandidate } from "../combining/close-round.ts";
import { planOf } from "../combining/combining-plan.ts";
import { phaseOf } from "../rounds/phases.ts";
import { voidAttempt } from "../rounds/transitions.ts";
import type { AttemptRecord } from "../store/attempt-record.ts";
import type { Ledger } from "../store/ledger.ts";
import type { TrialRecord } from "../store/trial-store.ts";
import { fewestVoters, partiesByParticipant } from "./candidate-at-hand.ts";
import { suspectsBefore, talliesBefore } from "./history.ts";
import { trialOutcome } from "./trial-outcome.ts";
import { votersOf } from "./voters.ts";

/**
 * Ends the trial of the candidate at hand once all who were asked have answered, or too late (SPEC K4), and
 * does what follows: it becomes the student, another is combined, or the attempt is void.
 */
export function settleTrial(ledger: Ledger, now: number): void {
  const campaign = ledger.campaign.read();
  const attempt = ledger.rounds.current();
  if (campaign.state !== "running" || attempt === undefined) return;
  if (phaseOf(campaign, attempt)?.by !== "voters") return;
  const [trial] = ledger.trials.of(attempt).slice(-1);
  if (trial === undefined) throw new Error(`round ${attempt.round} tries no candidate`);
  const isOver = attempt.deadline !== null && now >= attempt.deadline;
  if (isOver || isAnswered(ledger, trial)) conclude(ledger, attempt, trial, now);
}

/** Whether nobody is left to be waited for; of too few to be believed nobody is waited for at all. */
function isAnswered(ledger: Ledger, trial: TrialRecord): boolean {
  const voters = votersOf(ledger, trial);
  const byParticipant = partiesByParticipant(ledger, ledger.commits.accepted(trial));
  const parties = new Set(voters.map((participant) => byParticipant.get(participant)));
  if (parties.size < fewestVoters(ledger.campaign.read().config)) return true;
  const voted = new Set(
    ledger.trials.votes(trial, trial.candidate).map(({ participant }) => participant),
  );
  return voters.every((participant) => voted.has(participant));
}

function conclude(ledger: Ledger, attempt: AttemptRecord, trial: TrialRecord, now: number): void {
  const { config, course } = ledger.campaign.read();
  const { leg, roundOfLeg } = placeOf(config, attempt.round, course);
  const { hostile } = config.aggregation;
  const byParticipant = partiesByParticipant(ledger, ledger.commits.accepted(attempt));
  const votes = ledger.trials
    .votes(attempt, trial.candidate)
    .flatMap(({ participant, request: { comparison } }) => {
      const party = byParticipant.get(participant);
      return comparison === null || party === undefined ? [] : [{ participant, party, comparison }];
    });
  const isEnough = new Set(votes.map(({ party }) => party)).size >= fewestVoters(config);
  ledger.trials.conclude(attempt, trial.candidate, isEnough ? tallyOf(votes) : null);
  const [first, ...others] = ledger.trials.of(attempt);
  if (first === undefined) throw new Error(`round ${attempt.round} tried no candidate`);
  const step = nextStep({
    parties: trial.parties,
    hostile,
    tried: [first, ...others],
    fromTeacher: roundOfLeg === 0 && beginsAsTeacher(config, leg),
    earlier: talliesBefore(ledger, attempt.round),
    suspects: suspectsBefore(ledger, attempt.round, hostile),
  });
  switch (step.kind) {
    case "try":
      ledger.trials.add(attempt, {
        candidate: trial.candidate + 1,
        parties: trial.parties,
        leftOut: step.leftOut,
      });
      ledger.rounds.update(attempt, {
        state: "combining",
        deadline: null,
        failures: 0,
        retryAt: null,
      });
      return;
    case "commit": {
      const { doubts, reason } = step;
      ledger.trials.choose(attempt, step.candidate, { reason, doubts: [...doubts] });
      const { leftOut } = ledger.trials.of(attempt)[step.candidate]!;
      const plan = planOf(ledger, attempt, "combine", {
        candidate: step.candidate,
        parties: trial.parties,
        leftOut,
      });
      commitCandidate(ledger, plan, trialOutcome(ledger, attempt, step), now);
      return;
    }
    case "void":
      voidAttempt(
        ledger,
        attempt,
        `all ${others.length + 1} students that could be made of its updates are worse than the one before (${step.doubts.join(", ")})`,
        now,
      );
      return;
    default:
      step satisfies never;
  }
}
