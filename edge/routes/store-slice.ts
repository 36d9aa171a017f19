import { ProtocolError } from "../../protocol/errors.ts";
import { decodeFrame, validateFrame } from "../../protocol/update/frame.ts";
import { digestOf } from "../blobs/blob-store.ts";
import { parseContentDigest } from "../../protocol/content-digest.ts";
import { declaredLength } from "../blobs/declared-length.ts";
import { wholeBody } from "../blobs/request-body.ts";
import { updateKey, type AttemptId } from "../blobs/update-objects.ts";
import { checkStatisticsSlice } from "../campaign/rounds/accept-statistics.ts";
import type { Environment, ParticipantIdentity } from "../environment.ts";
import { unwrap } from "../outcome.ts";

/** Most that an update may change a trainable value by (SPEC U8). */
const LARGEST_CHANGE = 1e4;

/**
 * Takes the frame of one slice: terms from the campaign, whole check here at the door, then reserve,
 * store, record. A frame that could spoil a round never gets in, and one that gets in too late is
 * deleted again.
 *
 * @returns the frame's digest, and whether it was stored by this call
 * @throws ProtocolError as SPEC P5, U2–U4, U8, R4, R6 and B4 say.
 */
export async function storeSlice(
  environment: Environment,
  { campaign, participant }: ParticipantIdentity,
  attempt: AttemptId,
  index: number,
  request: Request,
): Promise<{ created: boolean; digest: string }> {
  const length = declaredLength(request.headers.get("Content-Length") ?? undefined);
  const claimed = parseContentDigest(request.headers.get("Content-Digest") ?? undefined);
  if (claimed === undefined) {
    throw new ProtocolError(
      "malformed-request",
      "a slice needs the header 'Content-Digest: sha-256=:<base64>:' (RFC 9530)",
    );
  }
  const control = environment.CAMPAIGN.getByName(campaign);
  const { codec, count, bytes, statistics } = unwrap(
    await control.sliceTerms(participant, attempt, index),
  );
  if (length !== bytes) {
    throw new ProtocolError(
      "length-mismatch",
      codec === "masked"
        ? `slice ${index} takes ${bytes} bytes of masked words, the body has ${length}`
        : `slice ${index} as ${codec} takes a frame of ${bytes} bytes, the body has ${length}`,
    );
  }
  const frame = await wholeBody(request, bytes);
  const digest = await digestOf(frame);
  if (digest !== claimed) {
    throw new ProtocolError(
      "digest-mismatch",
      `Content-Digest says ${claimed}, the body hashes to ${digest}: send slice ${index} again`,
    );
  }
  if (codec !== "masked") {
    // Without `digestVerified`: the frame's own digest is the sender's claim, not covered by ours.
    const expected = { codec, sliceIndex: index, count };
    if (statistics === null) validateFrame(frame, { ...expected, largest: LARGEST_CHANGE });
    else {
      const { values } = decodeFrame(frame, expected);
      await checkStatisticsSlice(environment.BLOBS, statistics, index, values);
    }
  }

  if (!unwrap(await control.reserveSlice(participant, attempt, index, digest))) {
    return { created: false, digest };
  }
  const key = updateKey(campaign, attempt, participant, index, digest);
  await environment.BLOBS.put(key, frame, { sha256: digest });
  const recorded = await control.recordSlice(participant, attempt, index, digest);
  if (!recorded.ok) await environment.BLOBS.delete(key);
  // What gives way is deleted after it is no longer recorded: killed in between, it is swept later.
  const replaced = unwrap(recorded).map((old) =>
    updateKey(campaign, attempt, participant, index, old),
  );
  if (replaced.length > 0) await environment.BLOBS.delete(replaced);
  return { created: true, digest };
}
