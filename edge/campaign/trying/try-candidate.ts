import type { CombinedSlice } from "../../slice/slice-work.ts";
import type { CombiningPlan } from "../combining/combining-plan.ts";
import { votesDueFrom } from "../rounds/phases.ts";
import { voidAttempt } from "../rounds/transitions.ts";
import type { Ledger } from "../store/ledger.ts";
import type { CandidateAtHand } from "./candidate-at-hand.ts";
import { settleTrial } from "./settle-trial.ts";

/**
 * What an attempt's updates came to is put before voters (SPEC K3). One that holds values that are not
 * finite makes the attempt void, as it does where nothing is tried.
 */
export function tryCandidate(
  ledger: Ledger,
  { attempt, campaign }: CombiningPlan,
  trial: CandidateAtHand,
  results: ReadonlyMap<number, CombinedSlice>,
  now: number,
): void {
  const { candidate } = trial;
  const combined = campaign.slices.map(({ index }) => results.get(index)!);
  const broken = combined.findIndex(({ finite }) => !finite);
  if (broken >= 0) {
    const detail = `the combined update gives values in slice ${broken} that are not finite`;
    return voidAttempt(ledger, attempt, detail, now);
  }
  const student = combined.map(({ student: digest }) => digest);
  if (candidate === 0) ledger.trials.add(attempt, trial);
  ledger.trials.combined(attempt, candidate, student);
  ledger.campaign.addCandidate(student);
  ledger.rounds.update(attempt, {
    state: "trying",
    deadline: votesDueFrom(campaign.config.round, now),
  });
  const { round, attempt: number } = attempt;
  ledger.announce({ type: "candidate", round, attempt: number, candidate });
  // Where too few hold images out, nobody is waited for.
  settleTrial(ledger, now);
}
