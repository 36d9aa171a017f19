import type {
  Assignment,
  CheckInReply,
  CheckInRequest,
  StatisticsAssignment,
} from "../../../protocol/round/assignment.ts";
import { assignmentLimit } from "../../../protocol/round/campaign-config.ts";
import {
  assignmentSize,
  leastSteps,
  type AssignmentSize,
} from "../../../protocol/round/local-steps.ts";
import { isEnded } from "../../../protocol/round/states.ts";
import { placeOf } from "../../../protocol/round/timeline.ts";
import type { CampaignRecord } from "../store/campaign-store.ts";
import { takeFit } from "./fit.ts";
import { incomingStudent } from "./incoming-student.ts";
import { legOf } from "./leg.ts";
import type { Ledger } from "../store/ledger.ts";
import type { AttemptRecord } from "../store/attempt-record.ts";
import { noticeFor } from "../trying/notice.ts";
import { trialAssignment } from "../trying/trial-assignment.ts";
import { placesOut, type HeardAt } from "./places.ts";
import type { ParticipantRecord } from "../store/roster.ts";
import { pauseForMisfit } from "./pauses.ts";
import { deadlineFrom, phaseOf } from "./phases.ts";
import { advance } from "./transitions.ts";

type WaitReason = (CheckInReply & { kind: "wait" })["reason"];

/** How soon to ask again where no event socket is open, ms. */
const RETRY_AFTER_MS: Readonly<Record<WaitReason, number>> = {
  "not-started": 3000,
  paused: 3000,
  "round-full": 1000,
  "invite-full": 1000,
  combining: 500,
  "already-contributed": 1000,
  "too-late": 1000,
  undecided: 3000,
  "broken-student": 3000,
};

/**
 * What a participant is to do now (SPEC R2, R11–R14, J3). A participant that holds an assignment of the
 * attempt gets the same again, so one that was restarted goes on.
 */
export function checkIn(
  ledger: Ledger,
  person: ParticipantRecord,
  report: CheckInRequest,
  heardAt: HeardAt,
  now: number,
): CheckInReply {
  const { id: participant, invite } = person;
  ledger.roster.report(person, report);
  if (report.fit !== undefined) takeFit(ledger, participant, report.fit);
  pauseForMisfit(ledger, now, false);
  const campaign = ledger.campaign.read();
  const round = campaign.committed;
  const wait = (reason: WaitReason): CheckInReply => ({
    kind: "wait",
    reason,
    round,
    retryAfterMs: RETRY_AFTER_MS[reason],
  });
  if (isEnded(campaign.state)) {
    return { kind: "ended", state: campaign.state, detail: campaign.detail, round };
  }
  if (report.undecided === true) return wait("undecided");
  const attempt = ledger.rounds.current();
  if (attempt === undefined) return wait("not-started");
  if (campaign.state === "paused") return wait("paused");
  const phase = phaseOf(campaign, attempt);
  if (phase?.by === "coordinator") return wait("combining");
  if (phase?.by === "voters") {
    return trialAssignment(ledger, participant, attempt) ?? wait("combining");
  }
  const { config, course } = campaign;
  const lease = ledger.rounds.lease(attempt, participant);
  const refused = ledger.rounds.refusals(attempt);
  if (lease !== undefined) {
    if (ledger.commits.find(attempt, participant) !== undefined) {
      return wait("already-contributed");
    }
    if (refused.some((one) => one.participant === participant)) return wait("broken-student");
    const localSteps = lease.localSteps ?? config.distillation.localSteps;
    return assignment(ledger, campaign, attempt, { localSteps, participant });
  }

  const deadline = attempt.deadline ?? deadlineFrom(config.round, now);
  const { judging, leg } = placeOf(config, attempt.round, course);
  const size: AssignmentSize =
    judging || leg.kind === "statistics"
      ? { kind: "steps", localSteps: 0 }
      : assignmentSize(config, report.imagesPerSecond, deadline - now);
  if (size.kind === "too-slow") return tooSlow(campaign, report.imagesPerSecond!, size);
  const out = placesOut(ledger, attempt, invite, heardAt, now);
  if (out.ofInvite >= ledger.roster.invite(invite).places) return wait("invite-full");
  if (out.all >= assignmentLimit(config.round)) return wait("round-full");
  if (size.kind === "too-late") return wait("too-late");
  ledger.rounds.addLease(attempt, participant, size.localSteps, now);
  if (attempt.state === "open") advance(ledger, attempt, now);
  const { localSteps } = size;
  return assignment(ledger, campaign, { ...attempt, deadline }, { localSteps, participant });
}

function assignment(
  ledger: Ledger,
  campaign: CampaignRecord,
  { round, attempt, deadline }: AttemptRecord,
  { localSteps, participant }: { readonly localSteps: number; readonly participant: string },
): Assignment | StatisticsAssignment {
  if (deadline === null) throw new Error(`round ${round} collects without a deadline`);
  const leg = legOf(campaign, round);
  if (leg.kind === "statistics") return { kind: "statistics", round, attempt, deadline };
  const { startStep, totalSteps } = placeOf(campaign.config, round, campaign.course);
  const notice = noticeFor(ledger, participant);
  return {
    kind: "assignment",
    round,
    attempt,
    deadline,
    student: [...incomingStudent(ledger, round).slices],
    leg,
    startStep,
    totalSteps,
    localSteps,
    ...(notice !== undefined && { notice }),
  };
}

function tooSlow(
  { committed, config }: CampaignRecord,
  imagesPerSecond: number,
  { neededImagesPerSecond }: { readonly neededImagesPerSecond: number },
): CheckInReply {
  const { batchSize } = config.distillation;
  return {
    kind: "too-slow",
    round: committed,
    imagesPerSecond,
    neededImagesPerSecond,
    detail:
      `at ${Number(imagesPerSecond.toPrecision(3))} images a second not even ${leastSteps(config)} steps of ${batchSize} images ` +
      `fit into a round of ${config.round.deadlineSeconds} seconds; ` +
      `this campaign needs at least ${neededImagesPerSecond} a second`,
  };
}
