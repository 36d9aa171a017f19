import { ProtocolError } from "../../../protocol/errors.ts";
import type { UploadStatus } from "../../../protocol/round/assignment.ts";
import { sliceCodec, type UpdateCodec } from "../../../protocol/update/update-codec.ts";
import { SECTION_BITS } from "../../../protocol/privacy/vector/update-vector.ts";
import { wordBytes } from "../../../protocol/privacy/vector/words.ts";
import { placeOf } from "../../../protocol/round/timeline.ts";
import { frameBytes } from "../../../protocol/update/frame-header.ts";
import { teacherOf } from "../../blobs/model-source.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";
import type { Ledger } from "../store/ledger.ts";
import type { StatisticsBounds } from "./accept-statistics.ts";
import { attemptAtHand, requireAwaited } from "./attempt-at-hand.ts";
import { incomingStudent } from "./incoming-student.ts";

/** Uploads of one slice a participant may make in an attempt (SPEC A4). */
const MAX_UPLOADS_PER_SLICE = 4;

/** What a frame of a slice must be. */
export interface SliceTerms {
  /** `masked`: words of a private round, any of which may be (SPEC M9.3). */
  readonly codec: UpdateCodec | "masked";
  readonly count: number;
  readonly bytes: number;
  /** What a frame of running statistics is held against; null for trainable values. */
  readonly statistics: StatisticsBounds | null;
}

/** Slices stored so far: where an upload resumes (SPEC R4). */
export function uploadStatus(ledger: Ledger, participant: string, id: AttemptId): UploadStatus {
  attemptAtHand(ledger, participant, id);
  return {
    slices: ledger.uploads.stored(id, participant),
    committed: ledger.commits.find(id, participant) !== undefined,
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
  requireAwaited(ledger, attempt);
  const { config, course, slices } = ledger.campaign.read();
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
  if (config.privacy !== undefined) {
    const bytes = wordBytes(SECTION_BITS[slice.section], slice.length);
    return { codec: "masked", count: slice.length, bytes, statistics: null };
  }
  const codec = sliceCodec(config.codec, slice.section);
  const bytes = frameBytes(codec, slice.length);
  const student = measures ? null : incomingStudent(ledger, id.round).slices[index]!;
  const statistics = slice.section === "statistics" ? { model: teacherOf(config), student } : null;
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
  if (ledger.commits.find(id, participant) !== undefined) {
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
  if (ledger.commits.find(id, participant) !== undefined) {
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
