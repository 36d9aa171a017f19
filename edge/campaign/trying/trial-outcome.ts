import type { NextStep } from "../../../protocol/round/trial/next-step.ts";
import type { TrialOutcome, TrialReport } from "../../../protocol/round/trial/trial-outcome.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";
import type { Ledger } from "../store/ledger.ts";
import type { VoteRecord } from "../store/trial-store.ts";

function votedFor({
  participant,
  request: { comparison },
  signed,
}: VoteRecord): TrialOutcome["candidates"][0]["votes"][0] {
  return { participant, comparison, ...signed };
}

/** How an attempt's candidates were tried, as its link tells it (SPEC K10). */
export function trialOutcome(
  ledger: Ledger,
  attempt: AttemptId,
  { candidate: chosen, doubts, reason }: NextStep & { readonly kind: "commit" },
): TrialOutcome {
  const trials = ledger.trials.of(attempt);
  return {
    parties: [...(trials[0]?.parties ?? [])],
    candidates: trials.map(({ candidate, leftOut, student, tally }) => ({
      leftOut: [...leftOut],
      student: [...(student ?? [])],
      tally,
      votes: ledger.trials.votes(attempt, candidate).map(votedFor),
    })),
    chosen,
    reason,
    doubts: [...doubts],
  };
}

/** The same in short; null where nothing of an attempt was put before voters. */
export function trialReport(ledger: Ledger, attempt: AttemptId): TrialReport | null {
  const trials = ledger.trials.of(attempt);
  const [first] = trials;
  if (first === undefined) return null;
  const taken = trials.find(({ chosen }) => chosen !== null);
  return {
    candidates: trials.length,
    voters: ledger.trials.votes(attempt, first.candidate).length,
    leftOut: [...(taken?.leftOut ?? [])],
    reason: taken?.chosen?.reason ?? null,
    doubts: taken?.chosen?.doubts ?? [],
  };
}
