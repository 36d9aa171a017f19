import { ProtocolError } from "../../../protocol/errors.ts";
import type {
  CommitReply,
  CommitRequest,
  UploadStatus,
} from "../../../protocol/round/assignment.ts";
import { exampleCap } from "../../../protocol/round/campaign-config.ts";
import { sliceCodec, type UpdateCodec } from "../../../protocol/update/update-codec.ts";
import { LEAST_STATISTICS_IMAGES } from "../../../protocol/reinit/strategy-schema.ts";
import { frameBytes } from "../../../protocol/update/frame-header.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";
import type { SliceShape } from "../../slice/slice-work.ts";
import { commitText } from "../../../protocol/round/signing.ts";
import { placeOf } from "../../../protocol/round/timeline.ts";
import { awaitsScores, hasItsUpdates } from "./awaited-scores.ts";
import { checkStatisticsCommit, declines, type StatisticsBounds } from "./accept-statistics.ts";
import { checkCommit } from "./check-commit.ts";
import { incomingStudent } from "./incoming-student.ts";
import type { Ledger } from "../store/ledger.ts";
import type { AttemptRecord } from "../store/attempt-record.ts";
import { beginCombining } from "./transitions.ts";

/** Uploads of one slice a participant may make in an attempt (SPEC A4). */
const MAX_UPLOADS_PER_SLICE = 4;

/** What a frame of a slice must be. */
export interface SliceTerms {
  readonly codec: UpdateCodec;
  readonly count: number;
  readonly bytes: number;
  /** What a frame of running statistics is held against; null for trainable values. */
  readonly statistics: StatisticsBounds | null;
}

export function staleRound(detail: string): ProtocolError {
  return new ProtocolError("stale-round", `${detail}: check in for the present one`);
}

/** The attempt, if it is at hand and this participant has a part in it (SPEC R6). */
export function attemptAtHand(ledger: Ledger, participant: string, id: AttemptId): AttemptRecord {
  const current = ledger.rounds.current();
  const name = `round ${id.round}, attempt ${id.attempt}`;
  if (current === undefined || current.round !== id.round || current.attempt !== id.attempt) {
    throw staleRound(`${name} is not the one at hand`);
  }
  if (current.state !== "collecting" && current.state !== "combining") {
    throw staleRound(`${name} is ${current.state}`);
  }
  if (ledger.rounds.lease(id, participant) === undefined) {
    throw staleRound(`this participant holds no assignment of ${name}`);
  }
  return current;
}

/** Slices stored so far: where an upload resumes (SPEC R4). */
export function uploadStatus(ledger: Ledger, participant: string, id: AttemptId): UploadStatus {
  attemptAtHand(ledger, participant, id);
  return {
    slices: ledger.uploads.stored(id, participant),
    committed: ledger.rounds.commit(id, participant) !== undefined,
  };
}

/**
 * What a frame must be to be taken for this slice, before a byte of it is read.
 *
 * @throws ProtocolError `stale-round` or `not-found`.
 */
export function sliceTerms(
  ledger: Ledger,
  participant: string,
  id: AttemptId,
  index: number,
): SliceTerms {
  const attempt = attemptAtHand(ledger, participant, id);
  if (attempt.state !== "collecting") {
    throw staleRound(`round ${id.round}, attempt ${id.attempt} is ${attempt.state}`);
  }
  const { config, course, model, slices } = ledger.campaign.read();
  const { judging, leg } = placeOf(config, id.round, course);
  if (judging) {
    throw new ProtocolError("not-found", `round ${id.round} is for judging: it takes no slices`);
  }
  const measures = leg.kind === "statistics";
  const slice = slices[index];
  if (slice === undefined) {
    throw new ProtocolError(
      "not-found",
      `there is no slice ${index}: the state vector has slices 0 to ${slices.length - 1}`,
    );
  }
  if (measures && slice.section !== "statistics") {
    const { index: first } = slices.find(({ section }) => section === "statistics")!;
    throw new ProtocolError(
      "not-found",
      `round ${id.round} is for statistics: it takes slices ${first} to ${slices.length - 1} alone, not slice ${index}`,
    );
  }
  const codec = sliceCodec(config.codec, slice.section);
  const bytes = frameBytes(codec, slice.length);
  const student = measures ? null : incomingStudent(ledger, id.round).slices[index]!;
  const statistics = slice.section === "statistics" ? { model: model.digest, student } : null;
  return { codec, count: slice.length, bytes, statistics };
}

/**
 * Lets a checked frame in, counting the try, unless the same is stored already.
 *
 * @returns whether the frame is to be stored
 * @throws ProtocolError `stale-round`, `update-conflict` or `quota-exceeded`.
 */
export function reserveSlice(
  ledger: Ledger,
  participant: string,
  id: AttemptId,
  index: number,
  digest: string,
  now: number,
): boolean {
  sliceTerms(ledger, participant, id, index);
  const upload = ledger.uploads.find(id, participant, index);
  if (upload.digest === digest) return false;
  if (ledger.rounds.commit(id, participant) !== undefined) {
    throw new ProtocolError(
      "update-conflict",
      `the update was committed with another slice ${index}: it cannot be changed any more`,
    );
  }
  if (upload.tries >= MAX_UPLOADS_PER_SLICE) {
    const deadline = ledger.rounds.current()?.deadline ?? now;
    throw new ProtocolError(
      "quota-exceeded",
      `slice ${index} was uploaded ${upload.tries} times in this attempt: wait for the next`,
      { retryAfterSeconds: Math.max(1, Math.ceil((deadline - now) / 1000)) },
    );
  }
  requireNotReplaced(upload.replaced, index, digest);
  ledger.uploads.save(id, participant, index, { ...upload, tries: upload.tries + 1 });
  return true;
}

/** A frame that gave way to another is being deleted, whenever that gets done: it stays away (A4). */
function requireNotReplaced(replaced: readonly string[], index: number, digest: string): void {
  if (!replaced.includes(digest)) return;
  throw new ProtocolError(
    "update-conflict",
    `slice ${index} was replaced by another frame since: it cannot be taken back in this attempt`,
  );
}

/**
 * Records that a frame is stored.
 *
 * @returns digests of frames of this slice that are not needed any more
 * @throws ProtocolError `stale-round` or `update-conflict` when that changed meanwhile; the caller
 *   deletes the frame then.
 */
export function recordSlice(
  ledger: Ledger,
  participant: string,
  id: AttemptId,
  index: number,
  digest: string,
): readonly string[] {
  // First of all: a twin of this upload may have been recorded and be part of a round by now.
  const upload = ledger.uploads.find(id, participant, index);
  if (upload.digest === digest) return upload.replaced;
  const { bytes } = sliceTerms(ledger, participant, id, index);
  if (ledger.rounds.commit(id, participant) !== undefined) {
    throw new ProtocolError("update-conflict", "the update was committed with another slice");
  }
  requireNotReplaced(upload.replaced, index, digest);
  const before = upload.digest === null ? [] : [upload.digest];
  const replaced = [...upload.replaced, ...before];
  ledger.uploads.save(id, participant, index, { ...upload, digest, replaced });
  ledger.rounds.addUploadedBytes(id, bytes);
  ledger.roster.addUploadedBytes(participant, bytes);
  return replaced;
}

/**
 * Closes an update, a judging round's scores or a statistics round's sums (SPEC R5–R7, J3, J8, B2–B4).
 * Reaching the goal starts combining.
 *
 * @throws ProtocolError `stale-round`, `update-conflict`, `incomplete-update` or
 *   `malformed-request`.
 */
export function commitUpdate(
  ledger: Ledger,
  participant: string,
  id: AttemptId,
  request: CommitRequest,
  now: number,
): CommitReply {
  const text = commitText(request);
  const earlier = ledger.rounds.commit(id, participant);
  if (earlier !== undefined) {
    if (earlier.request === text) return JSON.parse(earlier.reply) as CommitReply;
    throw new ProtocolError(
      "update-conflict",
      `another update was committed for round ${id.round}, attempt ${id.attempt} already`,
    );
  }
  const attempt = attemptAtHand(ledger, participant, id);
  const { config, course, model, slices } = ledger.campaign.read();
  const { judging, leg } = placeOf(config, id.round, course);
  const measures = leg.kind === "statistics";
  if (measures) checkStatisticsCommit(request, config);
  else checkCommit(request, judging, config.judging, model.classes);
  const wanted = request.scores !== null && awaitsScores(ledger, attempt);
  const reached = ledger.rounds.totals(attempt).accepted >= config.round.goal;
  const full = attempt.state === "combining" || (reached && !wanted);
  const { invite } = ledger.roster.participant(participant)!;
  const { places } = ledger.roster.invite(invite);
  const inviteFull = ledger.rounds.acceptedOf(id, invite) >= places;
  const rejection = rejectionOf(request, id, { full, inviteFull, measures });
  const weight = measures
    ? request.examples
    : Math.min(request.examples, exampleCap(config), assignedExamples(ledger, participant, id));
  const reply = rejection ?? { verdict: "accepted" as const, round: id.round, weight };
  if (rejection === undefined && !judging) {
    const expected = slices.filter(({ section }) => !measures || section === "statistics");
    requireStored(ledger, participant, id, request.slices, expected);
  }
  ledger.roster.setBackend(participant, request.backend);
  ledger.rounds.addCommit(id, {
    participant,
    request: text,
    reply: JSON.stringify(reply),
    accepted: rejection === undefined,
    slices: request.slices,
    // Trained on: what is only measured has no loss to average.
    examples: measures ? 0 : weight,
    weight,
    loss: request.loss,
    agreement: request.agreement,
    scores: request.scores,
    signature: request.signature ?? null,
    committedAt: now,
  });
  // Paused: the update is kept, and combining begins when the campaign is resumed (SPEC C3).
  const isRunning = ledger.campaign.read().state === "running";
  if (attempt.state === "collecting" && isRunning && hasItsUpdates(ledger, attempt)) {
    beginCombining(ledger, attempt, now);
  }
  return reply;
}

/** Why a commit that is in order is not wanted; undefined when it is. */
function rejectionOf(
  request: CommitRequest,
  { round }: AttemptId,
  found: { readonly full: boolean; readonly inviteFull: boolean; readonly measures: boolean },
): (CommitReply & { readonly verdict: "rejected" }) | undefined {
  const rejected = { verdict: "rejected", round } as const;
  if (found.full) {
    const detail = `round ${round} had the updates it needs: this one came too late`;
    return { ...rejected, reason: "goal-reached", detail };
  }
  if (found.inviteFull) {
    const detail = `round ${round} has all the updates that this participant's invite has places for: another's came first`;
    return { ...rejected, reason: "invite-full", detail };
  }
  if (!found.measures || !declines(request)) return undefined;
  const detail = `round ${round} takes statistics of at least ${LEAST_STATISTICS_IMAGES} images, which this participant does not have: it trains in the rounds that follow`;
  return { ...rejected, reason: "too-few-images", detail };
}

/** Images that the steps assigned can have used. */
function assignedExamples(ledger: Ledger, participant: string, id: AttemptId): number {
  const { batchSize, localSteps } = ledger.campaign.read().config.distillation;
  return batchSize * (ledger.rounds.lease(id, participant)?.localSteps ?? localSteps);
}

function requireStored(
  ledger: Ledger,
  participant: string,
  id: AttemptId,
  digests: readonly string[],
  expected: readonly SliceShape[],
): void {
  if (digests.length !== expected.length) {
    throw new ProtocolError(
      "malformed-request",
      `the commit names ${digests.length} slices, an update of this round has ${expected.length}`,
    );
  }
  const stored = new Map(
    ledger.uploads.stored(id, participant).map(({ index, digest }) => [index, digest]),
  );
  const missing = expected
    .filter(({ index }, i) => stored.get(index) !== digests[i])
    .map(({ index }) => index);
  if (missing.length === 0) return;
  throw new ProtocolError(
    "incomplete-update",
    `slices ${missing.slice(0, 20).join(", ")} are not stored under the digests named: upload them, then commit again`,
    { missing },
  );
}
