import type { CampaignView, InvitePreview } from "../../protocol/round/access.ts";
import { SECTION_BITS } from "../../protocol/privacy/vector/update-vector.ts";
import { wordBytes } from "../../protocol/privacy/vector/words.ts";
import { sliceCodec } from "../../protocol/update/update-codec.ts";
import type {
  CampaignMetrics,
  CampaignReport,
  CampaignSummary,
  ParticipantReport,
  RoundReport,
  StartReport,
} from "../../protocol/round/reports.ts";
import { summariseScores } from "../../protocol/round/score-summary.ts";
import { statisticsImages } from "../../protocol/round/statistics-round.ts";
import { preprocessingOf } from "../../protocol/round/preprocessing.ts";
import { imagesToBegin, imagesToScore } from "../../protocol/round/evidence.ts";
import { legsOf, placeOf, roundCount } from "../../protocol/round/timeline.ts";
import { summariseSizes, type UpdateReport } from "../../protocol/round/update-sizes.ts";
import { frameBytes } from "../../protocol/update/frame-header.ts";
import { evidenceGapOf } from "./evidence.ts";
import { misfitIn, picturesFitting } from "./rounds/fit.ts";
import { legOf } from "./rounds/leg.ts";
import type { Ledger } from "./store/ledger.ts";
import type { Presence } from "./participants/presence.ts";
import type { InviteRecord, ParticipantRecord } from "./store/roster.ts";
import type { AttemptRecord } from "./store/attempt-record.ts";
import { standingOf } from "./trying/notice.ts";
import { trialReport } from "./trying/trial-outcome.ts";
import { campaignVerdict } from "./verdict.ts";

export function summaryOf(ledger: Ledger): CampaignSummary {
  const { id, state, committed, createdAt, config, course } = ledger.campaign.read();
  const rounds = roundCount(config, course);
  const verdict = campaignVerdict(ledger);
  return { id, name: config.name, state, round: committed, rounds, createdAt, verdict };
}

/** Refusals that a report names. */
const MOST_REFUSALS = 10;

function roundReport(ledger: Ledger, attempt: AttemptRecord): RoundReport {
  const campaign = ledger.campaign.read();
  const { judging } = placeOf(campaign.config, attempt.round, campaign.course);
  const totals = ledger.commits.totals(attempt);
  const refusals = ledger.rounds.refusals(attempt);
  const isCommitted = attempt.state === "committed";
  const accepted = ledger.commits.accepted(attempt);
  const scores = isCommitted ? attempt.scores : summariseScores(accepted);
  return {
    round: attempt.round,
    attempt: attempt.attempt,
    leg: legOf(campaign, attempt.round),
    judging,
    state: attempt.state,
    openedAt: attempt.openedAt,
    deadline: attempt.deadline,
    endedAt: attempt.endedAt,
    assigned: ledger.rounds.leaseCount(attempt),
    accepted: totals.accepted,
    examples: totals.examples,
    loss: (judging ? scores?.loss : (attempt.opened?.loss ?? totals.loss)) ?? null,
    agreement:
      (judging ? scores?.agreement : (attempt.opened?.agreement ?? totals.agreement)) ?? null,
    opened: attempt.opened,
    scores,
    uploadedBytes: attempt.uploadedBytes,
    trial: trialReport(ledger, attempt),
    updateNorm: attempt.updateNorm,
    updates: summariseSizes(accepted.flatMap(({ size }) => size ?? [])),
    refusals: refusals.slice(0, MOST_REFUSALS),
    refused: refusals.length,
    chain: isCommitted ? (ledger.chain.valueAfter(attempt) ?? null) : null,
    detail: attempt.detail,
  };
}

/** All attempts, oldest first. */
export function roundReports(ledger: Ledger): RoundReport[] {
  return ledger.rounds.all().map((attempt) => roundReport(ledger, attempt));
}

/** Single updates of one round, or of all, in canonical order of each attempt. */
export function updateReports(ledger: Ledger, round?: number): UpdateReport[] {
  return ledger.rounds
    .all()
    .filter((attempt) => round === undefined || attempt.round === round)
    .flatMap((attempt) =>
      ledger.commits.accepted(attempt).map(({ participant, weight, size }) => ({
        round: attempt.round,
        attempt: attempt.attempt,
        participant,
        weight,
        size,
      })),
    );
}

export function campaignReport(ledger: Ledger, presence: Presence, now: number): CampaignReport {
  const { detail, config, model, statistics, decisions } = ledger.campaign.read();
  const attempt = ledger.rounds.current();
  const people = ledger.roster.participants();
  return {
    ...summaryOf(ledger),
    detail,
    config,
    model,
    statistics,
    starts: startReports(ledger),
    ...decisions,
    evidenceGap: evidenceGapOf(ledger, now),
    current: attempt === undefined ? null : roundReport(ledger, attempt),
    pictures: picturesFitting(ledger),
    participants: {
      enrolled: people.length,
      connected: connectedAmong(people, presence, now),
      revoked: people.filter(({ revoked }) => revoked).length,
    },
  };
}

/** Those who were removed are not, though their last request was a moment ago. */
function connectedAmong(
  people: readonly ParticipantRecord[],
  presence: Presence,
  now: number,
): number {
  return people.filter(({ id, revoked }) => !revoked && presence.isConnected(id, now)).length;
}

/** Each candidate, with the scores of its probe's judging round. */
function startReports(ledger: Ledger): StartReport[] {
  const { config, course, committed } = ledger.campaign.read();
  const probes = legsOf(config, course).filter(({ kind }) => kind === "probe");
  const judged = new Map(
    ledger.rounds
      .committedScores(0, committed - 1)
      .map(({ round, scores }) => [round, scores] as const),
  );
  return ledger.campaign.starts().map(({ strength, maskDigest, reinitialised }, candidate) => ({
    strength,
    maskDigest,
    reinitialised,
    scores: judged.get(probes[candidate]?.judgingRound ?? -1) ?? null,
  }));
}

export function participantReport(
  ledger: Ledger,
  presence: Presence,
  person: ParticipantRecord,
  now: number,
): ParticipantReport {
  const { accepted, rejected, examples } = ledger.commits.totalsOf(person.id);
  return {
    ...person,
    standing: standingOf(ledger, person.id) ?? null,
    misfit: misfitIn(ledger.campaign.read(), person.fit)?.detail ?? null,
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
  const { decisions, malformedEvents, peakSliceBytes } = ledger.campaign.read();
  const people = ledger.roster.participants();
  const attempts = ledger.rounds.all();
  const { accepted, rejected, examples } = ledger.commits.totals();
  // Of the latest attempt that trained: what goes on now says more than the mean of all rounds.
  const latest = attempts
    .toReversed()
    .map((attempt) => attempt.opened ?? ledger.commits.totals(attempt))
    .find(({ loss }) => loss !== null);
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
      participantsConnected: connectedAmong(people, presence, now),
      loss: latest?.loss ?? null,
      agreement: latest?.agreement ?? null,
      regrowthAlarm: decisions.alarm !== null,
      peakSliceBytes,
    },
  };
}

export function campaignView(ledger: Ledger): CampaignView {
  const { id, state, config, model, slices, statistics } = ledger.campaign.read();
  return {
    id,
    state,
    config,
    model,
    sliceLengths: slices.map(({ length }) => length),
    statistics,
    starts: ledger.campaign.starts().map(({ strength, maskDigest, initialStudent }) => ({
      strength,
      maskDigest,
      initialStudent: [...initialStudent],
    })),
  };
}

export function invitePreview(ledger: Ledger, invite: InviteRecord): InvitePreview {
  const { id, state, config, course, model, slices, statistics } = ledger.campaign.read();
  const { localSteps, batchSize } = config.distillation;
  const updateBytes = slices
    .map(({ section, length }) =>
      config.privacy === undefined
        ? frameBytes(sliceCodec(config.codec, section), length)
        : wordBytes(SECTION_BITS[section], length),
    )
    .reduce((sum, bytes) => sum + bytes, 0);
  return {
    campaign: id,
    name: config.name,
    state,
    organisation: invite.organisation,
    codec: config.codec,
    rounds: roundCount(config, course),
    localSteps,
    batchSize,
    statisticsImages: statisticsImages(config, statistics),
    fitImages: config.fit?.images ?? 0,
    trial: config.trial !== null,
    scoringImages: course.unjudged === true ? 0 : imagesToScore(config.judging),
    measuringImages: imagesToBegin(config, statistics),
    inputShape: model.inputShape,
    preparation: preprocessingOf(config, model.inputShape),
    downloadBytes: model.bytes,
    updateBytes,
    ...(config.privacy !== undefined && { privacy: config.privacy }),
  };
}
