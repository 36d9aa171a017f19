import type { CampaignView, InvitePreview } from "../../protocol/round/access.ts";
import { sliceCodec } from "../../protocol/round/campaign-config.ts";
import type {
  CampaignMetrics,
  CampaignReport,
  CampaignSummary,
  ParticipantReport,
  RoundReport,
} from "../../protocol/round/reports.ts";
import { frameBytes } from "../../protocol/update/frame-header.ts";
import type { Ledger } from "./ledger.ts";
import type { Presence } from "./presence.ts";
import type { InviteRecord, ParticipantRecord } from "./roster.ts";
import type { AttemptRecord } from "./round-store.ts";

export function summaryOf(ledger: Ledger): CampaignSummary {
  const { id, state, committed, createdAt, config } = ledger.campaign.read();
  const { rounds } = config.distillation;
  return { id, name: config.name, state, round: committed, rounds, createdAt };
}

function roundReport(ledger: Ledger, attempt: AttemptRecord): RoundReport {
  const { accepted, examples, loss, agreement } = ledger.rounds.totals(attempt);
  const isCommitted = attempt.state === "committed";
  return {
    round: attempt.round,
    attempt: attempt.attempt,
    state: attempt.state,
    openedAt: attempt.openedAt,
    deadline: attempt.deadline,
    endedAt: attempt.endedAt,
    assigned: ledger.rounds.leaseCount(attempt),
    accepted,
    examples,
    loss,
    agreement,
    uploadedBytes: attempt.uploadedBytes,
    updateNorm: attempt.updateNorm,
    chain: isCommitted ? (ledger.campaign.student(attempt.round + 1)?.chain ?? null) : null,
    detail: attempt.detail,
  };
}

/** All attempts, oldest first. */
export function roundReports(ledger: Ledger): RoundReport[] {
  return ledger.rounds.all().map((attempt) => roundReport(ledger, attempt));
}

export function campaignReport(ledger: Ledger, presence: Presence, now: number): CampaignReport {
  const { detail, config, model, maskDigest, reinitialised } = ledger.campaign.read();
  const attempt = ledger.rounds.current();
  const people = ledger.roster.participants();
  return {
    ...summaryOf(ledger),
    detail,
    config,
    model,
    maskDigest,
    reinitialised,
    current: attempt === undefined ? null : roundReport(ledger, attempt),
    participants: {
      enrolled: people.length,
      connected: people.filter((person) => !person.revoked && presence.isConnected(person.id, now))
        .length,
      revoked: people.filter(({ revoked }) => revoked).length,
    },
  };
}

export function participantReport(
  ledger: Ledger,
  presence: Presence,
  person: ParticipantRecord,
  now: number,
): ParticipantReport {
  const { accepted, rejected, examples } = ledger.rounds.totalsOf(person.id);
  return {
    ...person,
    connected: !person.revoked && presence.isConnected(person.id, now),
    updatesAccepted: accepted,
    updatesRejected: rejected,
    examples,
    progress: presence.progress(person.id),
  };
}

/** Metrics of one campaign, and what only the Prometheus page shows. */
export interface CampaignFigures {
  readonly metrics: CampaignMetrics;
  readonly malformedEvents: number;
}

export function campaignFigures(ledger: Ledger, presence: Presence, now: number): CampaignFigures {
  const { malformedEvents, peakSliceBytes } = ledger.campaign.read();
  const people = ledger.roster.participants();
  const attempts = ledger.rounds.all();
  const { accepted, rejected, examples } = ledger.rounds.totals();
  // Of the latest attempt that has any: what goes on now says more than the mean of all rounds.
  const latest = attempts
    .toReversed()
    .map((attempt) => ledger.rounds.totals(attempt))
    .find((totals) => totals.accepted > 0);
  return {
    malformedEvents,
    metrics: {
      campaign: summaryOf(ledger),
      roundsVoid: attempts.filter(({ state }) => state === "aborted").length,
      updatesAccepted: accepted,
      updatesRejected: rejected,
      examples,
      uploadedBytes: attempts.reduce((sum, { uploadedBytes }) => sum + uploadedBytes, 0),
      participantsEnrolled: people.length,
      participantsConnected: people.filter((person) => presence.isConnected(person.id, now)).length,
      loss: latest?.loss ?? null,
      agreement: latest?.agreement ?? null,
      peakSliceBytes,
    },
  };
}

export function campaignView(ledger: Ledger): CampaignView {
  const { id, state, config, model, slices, maskDigest } = ledger.campaign.read();
  return {
    id,
    state,
    config,
    model,
    sliceLengths: slices.map(({ length }) => length),
    maskDigest,
    initialStudent: [...ledger.campaign.currentStudent(0).slices],
  };
}

export function invitePreview(ledger: Ledger, invite: InviteRecord): InvitePreview {
  const { id, state, config, model, slices } = ledger.campaign.read();
  const { rounds, localSteps, batchSize } = config.distillation;
  const updateBytes = slices
    .map(({ section, length }) => frameBytes(sliceCodec(config.codec, section), length))
    .reduce((sum, bytes) => sum + bytes, 0);
  return {
    campaign: id,
    name: config.name,
    state,
    organisation: invite.organisation,
    codec: config.codec,
    rounds,
    localSteps,
    batchSize,
    inputShape: model.inputShape,
    downloadBytes: model.bytes,
    updateBytes,
  };
}
