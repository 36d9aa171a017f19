import type { TrialAssignment } from "../../../protocol/round/assignment.ts";
import { incomingStudent } from "../rounds/incoming-student.ts";
import { legOf } from "../rounds/leg.ts";
import type { AttemptRecord } from "../store/attempt-record.ts";
import type { Ledger } from "../store/ledger.ts";
import { votersOf } from "./voters.ts";

/** What a participant is asked about the candidate at hand; undefined where it is not, or has answered. */
export function trialAssignment(
  ledger: Ledger,
  participant: string,
  attempt: AttemptRecord,
): TrialAssignment | undefined {
  const { deadline, round } = attempt;
  const trial = ledger.trials.of(attempt).at(-1);
  if (trial === undefined || trial.student === null || deadline === null) return undefined;
  const { candidate, student } = trial;
  if (ledger.trials.voteOf(attempt, candidate, participant) !== undefined) return undefined;
  if (!votersOf(ledger, attempt).includes(participant)) return undefined;
  const leg = legOf(ledger.campaign.read(), round);
  if (leg.kind === "statistics") return undefined;
  return {
    kind: "trial",
    round,
    attempt: attempt.attempt,
    candidate,
    deadline,
    leg,
    student: [...student],
    last: [...incomingStudent(ledger, round).slices],
  };
}
