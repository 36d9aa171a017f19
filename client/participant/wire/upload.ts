import { sha256 } from "../../../protocol/digest.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import type { CommitReply, CommitRequest } from "../../../protocol/round/assignment.ts";
import { sliceCodec, type UpdateCodec } from "../../../protocol/update/update-codec.ts";
import { encodeFrame } from "../../../protocol/update/frame.ts";
import { uniformSource } from "../../../protocol/random/uniform-source.ts";
import { ConnectionError } from "./connection-error.ts";
import type { Attempt, CoordinatorClient } from "./coordinator-client.ts";
import { retrying, type RetryOptions } from "./retry.ts";

/**
 * An update, scores alone, or statistics, ready to travel: kept until the coordinator has given its
 * verdict.
 */
export interface PendingUpdate extends Attempt {
  readonly kind: "update" | "scores" | "statistics";
  /** Slice of the first frame; the others follow it. */
  readonly firstSlice: number;
  readonly frames: readonly Uint8Array<ArrayBuffer>[];
  readonly request: CommitRequest;
}

/** What the local steps came to, told with the commit. */
export type UpdateReport = Omit<CommitRequest, "slices">;

/**
 * Writes an update as frames, one a slice, and the commit that closes it.
 *
 * @param seed fresh random bytes: stochastic rounding must not repeat between updates
 * @throws ProtocolError `malformed-update` for a value that is not finite.
 */
export function encodeUpdate(
  attempt: Attempt,
  update: Float32Array,
  encoding: {
    readonly layout: StateLayout;
    readonly codec: UpdateCodec;
    readonly seed: Uint8Array;
    readonly report: UpdateReport;
  },
): PendingUpdate {
  const { codec, layout, report, seed } = encoding;
  const frames = layout.slices.map(({ index, length, offset, section }) =>
    encodeFrame({
      codec: sliceCodec(codec, section),
      sliceIndex: index,
      values: update.subarray(offset, offset + length),
      random: uniformSource(seed, `slice ${index}`),
    }),
  );
  const slices = frames.map((frame) => sha256(frame));
  return { ...attempt, kind: "update", firstSlice: 0, frames, request: { ...report, slices } };
}

/** What a judging round asks for: scores, and no update (SPEC J3). */
export function judgement(
  attempt: Attempt,
  report: Pick<UpdateReport, "scores" | "seconds" | "backend">,
): PendingUpdate {
  const { agreement, loss } = report.scores ?? { agreement: 0, loss: 0 };
  return {
    ...attempt,
    kind: "scores",
    firstSlice: 0,
    frames: [],
    request: { ...report, slices: [], examples: 0, loss, agreement },
  };
}

export interface UploadOptions extends RetryOptions {
  readonly client: CoordinatorClient;
  /** Awaited before each slice: a pause holds here. */
  readonly beforeSlice: () => Promise<void>;
  /** Told the bytes the coordinator holds so far. */
  readonly onStored: (bytes: number, totalBytes: number) => void;
}

/** Damage on the way may happen; SPEC A4 permits four uploads a slice. */
const DAMAGE_TRIES = 3;

/**
 * Sends what the coordinator does not hold yet, then commits. After a broken connection it asks again
 * what is stored and goes on from there, so nothing is sent twice and nothing is trained twice.
 *
 * @throws ProtocolError `stale-round`, `update-conflict`, `campaign-state` and other refusals.
 */
export function deliver(update: PendingUpdate, options: UploadOptions): Promise<CommitReply> {
  const { beforeSlice, client, onStored, signal } = options;
  const totalBytes = update.frames.reduce((sum, frame) => sum + frame.length, 0);
  const digests = update.request.slices;
  let committing = false;
  const commit = async (): Promise<CommitReply> => {
    committing = true;
    try {
      return await client.commit(update, update.request, signal);
    } catch (error) {
      committing = error instanceof ConnectionError;
      throw error;
    }
  };

  return retrying(
    async () => {
      // A commit whose answer was lost is repeated as it was: the round may have moved on since, and
      // the same commit gets the same answer (SPEC R5).
      if (committing) return commit();
      if (update.frames.length === 0) {
        onStored(0, 0);
        return commit();
      }
      const status = await client.uploadStatus(update, signal);
      const stored = new Map(status.slices.map(({ index, digest }) => [index, digest]));
      let bytes = 0;
      for (const [position, frame] of update.frames.entries()) {
        const index = update.firstSlice + position;
        // Once committed, the commit below is only asked for its verdict again (SPEC R5).
        const digest = digests[position]!;
        if (!status.committed && stored.get(index) !== digest) {
          await beforeSlice();
          onStored(bytes, totalBytes);
          await client.putSlice(update, { index, frame, digest }, signal);
        }
        bytes += frame.length;
      }
      onStored(totalBytes, totalBytes);
      return commit();
    },
    { ...options, alsoRetry: damaged },
  );
}

/** Bytes that were damaged or lost on their way: sending them again may help. */
function damaged(error: unknown, tries: number): boolean {
  return (
    tries < DAMAGE_TRIES &&
    error instanceof ProtocolError &&
    (error.code === "digest-mismatch" ||
      error.code === "length-mismatch" ||
      error.code === "incomplete-update")
  );
}
