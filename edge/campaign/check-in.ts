import type { Assignment, CheckInReply } from "../../protocol/round/assignment.ts";
import { assignmentLimit } from "../../protocol/round/campaign-config.ts";
import { isEnded } from "../../protocol/round/states.ts";
import type { CampaignRecord } from "./campaign-store.ts";
import type { Ledger } from "./ledger.ts";
import type { AttemptRecord } from "./round-store.ts";

type WaitReason = (CheckInReply & { kind: "wait" })["reason"];

/** How soon to ask again where no event socket is open, ms. */
const RETRY_AFTER_MS: Readonly<Record<WaitReason, number>> = {
  "not-started": 3000,
  paused: 3000,
  "round-full": 1000,
  combining: 500,
  "already-contributed": 1000,
};

/**
 * What a participant is to do now (SPEC R2). A participant that holds an assignment of the attempt
 * gets the same again, so one that was restarted goes on.
 */
export function checkIn(ledger: Ledger, participant: string, now: number): CheckInReply {
  const campaign = ledger.campaign.read();
  const round = campaign.committed;
  const wait = (reason: WaitReason): CheckInReply => ({
    kind: "wait",
    reason,
    round,
    retryAfterMs: RETRY_AFTER_MS[reason],
  });
  if (isEnded(campaign.state)) return { kind: "ended", state: campaign.state, round };
  const attempt = ledger.rounds.current();
  if (attempt === undefined) return wait("not-started");
  if (campaign.state === "paused") return wait("paused");
  if (attempt.state === "combining") return wait("combining");
  if (!ledger.rounds.hasLease(attempt, participant)) {
    if (ledger.rounds.leaseCount(attempt) >= assignmentLimit(campaign.config.round)) {
      return wait("round-full");
    }
    ledger.rounds.addLease(attempt, participant, now);
    if (attempt.state === "open") {
      const deadline = now + 1000 * campaign.config.round.deadlineSeconds;
      ledger.rounds.update(attempt, { state: "collecting", deadline });
    }
    return assignment(ledger, campaign, ledger.rounds.current()!);
  }
  if (ledger.rounds.commit(attempt, participant) !== undefined) return wait("already-contributed");
  return assignment(ledger, campaign, attempt);
}

function assignment(
  ledger: Ledger,
  campaign: CampaignRecord,
  { round, attempt, deadline }: AttemptRecord,
): Assignment {
  if (deadline === null) throw new Error(`round ${round} collects without a deadline`);
  const { localSteps, rounds } = campaign.config.distillation;
  return {
    kind: "assignment",
    round,
    attempt,
    deadline,
    student: [...ledger.campaign.currentStudent(round).slices],
    startStep: round * localSteps,
    totalSteps: rounds * localSteps,
  };
}
