import { hex } from "@scure/base";
import { parseContentDigest } from "../../protocol/content-digest.ts";
import type { Digest } from "../../protocol/digest.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import {
  partCount,
  partLength,
  UPLOAD_LIMITS,
  type UploadRequest,
  type UploadState,
} from "../../protocol/round/upload.ts";
import { blobKey } from "../blobs/blob-store.ts";
import { declaredLength } from "../blobs/declared-length.ts";
import { composeBlob, findBlob, type BlobPart } from "../blobs/stored-blob.ts";
import { directoryOf } from "../directory/all-campaigns.ts";
import type { Environment } from "../environment.ts";
import { partKey, sweepParts } from "./upload-objects.ts";
import type { UploadRecord } from "./upload-record.ts";

/**
 * Begins an upload, or says how far it is. The size is judged here, before a byte of it is sent.
 *
 * @throws ProtocolError `payload-too-large`; `length-mismatch` where the same digest was begun with
 *   another length.
 */
export async function beginUpload(
  environment: Environment,
  digest: string,
  { bytes, partBytes }: UploadRequest,
): Promise<UploadState> {
  const { modelBytes } = UPLOAD_LIMITS;
  if (bytes > modelBytes) {
    throw new ProtocolError(
      "payload-too-large",
      `the model has ${bytes} bytes, the limit is ${modelBytes}: nothing of it was taken`,
    );
  }
  const stored = await findBlob(environment.BLOBS, digest);
  if (stored !== undefined) {
    return { digest, bytes: stored.totalBytes, complete: true, partBytes, missing: [] };
  }
  const upload = await directoryOf(environment).beginUpload(digest, bytes, partBytes);
  if (upload.bytes === bytes) return stateOf(upload);
  throw new ProtocolError(
    "length-mismatch",
    `an upload of ${digest} was begun with ${upload.bytes} bytes, this one has ${bytes}: one of them is not the file's`,
  );
}

function stateOf({ digest, bytes, partBytes, parts }: UploadRecord): UploadState {
  const missing = [...parts.keys()].filter((index) => parts[index] === null);
  return { digest, bytes, complete: false, partBytes, missing };
}

/**
 * Streams one part into storage; nothing is kept of it unless it has its length and hashes to its
 * `Content-Digest` (SPEC P5).
 *
 * @returns the part's digest, and whether it is new
 * @throws ProtocolError `not-found`, `malformed-request`, `length-required`, `length-mismatch` or
 *   `digest-mismatch`.
 */
export async function storePart(
  environment: Environment,
  digest: string,
  index: number,
  request: Request,
): Promise<{ created: boolean; digest: Digest }> {
  const length = declaredLength(request.headers.get("Content-Length") ?? undefined);
  const claimed = parseContentDigest(request.headers.get("Content-Digest") ?? undefined);
  if (claimed === undefined) {
    throw new ProtocolError(
      "malformed-request",
      "a part needs the header 'Content-Digest: sha-256=:<base64>:' (RFC 9530)",
    );
  }
  const directory = directoryOf(environment);
  const upload = (await directory.upload(digest)) ?? noUpload(digest);
  const count = partCount(upload);
  if (index >= count) {
    throw new ProtocolError("not-found", `the model comes in the parts 0 to ${count - 1}`);
  }
  const expected = partLength(upload, index);
  if (length !== expected) {
    throw new ProtocolError(
      "length-mismatch",
      `part ${index} of ${count} has ${expected} bytes, the body has ${length}`,
    );
  }
  if (upload.parts[index] === claimed) {
    // Drained, not cancelled: a client that is still sending would see its connection reset.
    await request.body?.pipeTo(new WritableStream());
    return { created: false, digest: claimed };
  }
  await putPart(environment.BLOBS, partKey(digest, index, claimed), claimed, request);
  const recorded = await directory.recordPart(digest, index, claimed);
  if (recorded === undefined) {
    await sweepParts(environment.BLOBS, digest);
    noUpload(digest);
  }
  if (recorded.replaced !== null) {
    await deleteReplaced(environment.BLOBS, digest, partKey(digest, index, recorded.replaced));
  }
  return { created: true, digest: claimed };
}

/** A part whose place another one took; where the model is complete already, the other one goes. */
async function deleteReplaced(bucket: R2Bucket, digest: string, key: string): Promise<void> {
  if ((await findBlob(bucket, digest)) === undefined) await bucket.delete(key);
  else await sweepParts(bucket, digest);
}

/**
 * Makes the model of its parts, once all are there and the whole hashes to its name. May be repeated,
 * also at the same time.
 *
 * @returns its length in bytes
 * @throws ProtocolError `not-found`, `incomplete-upload`, or `digest-mismatch`, after which nothing
 *   is kept.
 */
export async function completeUpload(environment: Environment, digest: Digest): Promise<number> {
  const bucket = environment.BLOBS;
  const stored = await findBlob(bucket, digest);
  if (stored !== undefined) return stored.totalBytes;
  const directory = directoryOf(environment);
  const upload = (await directory.holdUpload(digest)) ?? noUpload(digest);
  const { missing } = stateOf(upload);
  if (missing.length > 0) throw incomplete(missing);
  const parts = upload.parts.map((ofPart, index) => ({
    key: partKey(digest, index, ofPart!),
    bytes: partLength(upload, index),
  }));
  const found = await digestOfParts(bucket, parts);
  if (found === digest) {
    await composeBlob(bucket, digest, parts);
    const present = await directory.upload(digest);
    if (present?.parts.some((ofPart, index) => ofPart !== upload.parts[index]) === true) {
      // A part's place was taken meanwhile, and what the blob is made of may be gone: judged anew.
      await bucket.delete(blobKey(digest));
      return await completeUpload(environment, digest);
    }
  }
  // What was left by other tries at a part goes, too.
  await sweepParts(bucket, digest);
  await directory.forgetUpload(digest);
  if (found === digest) return upload.bytes;
  if (found === undefined) throw incomplete([...parts.keys()]);
  throw new ProtocolError(
    "digest-mismatch",
    `the ${upload.bytes} bytes received hash to ${found}, not to ${digest}: the file changed while it was sent, upload it again`,
  );
}

function noUpload(digest: string): never {
  throw new ProtocolError(
    "not-found",
    `no upload of ${digest} is under way: begin it with POST /api/v1/admin/models/${digest}`,
  );
}

function incomplete(missing: readonly number[]): ProtocolError {
  return new ProtocolError(
    "incomplete-upload",
    `${missing.length} parts of the model are missing, part ${missing[0]} first: send them, then complete it`,
    { missing },
  );
}

/** SHA-256 of objects one after the other; undefined when one of them is gone. */
async function digestOfParts(
  bucket: R2Bucket,
  parts: readonly BlobPart[],
): Promise<string | undefined> {
  const hash = new crypto.DigestStream("SHA-256");
  for (const { key } of parts) {
    const object = await bucket.get(key);
    if (object === null) {
      await hash.abort();
      return undefined;
    }
    await object.body.pipeTo(hash, { preventClose: true });
  }
  await hash.close();
  return hex.encode(new Uint8Array(await hash.digest));
}

async function putPart(
  bucket: R2Bucket,
  key: string,
  digest: Digest,
  request: Request,
): Promise<void> {
  try {
    // Unwrapped: R2 needs the length that only the request's own stream carries.
    await bucket.put(key, request.body ?? new Uint8Array(), { sha256: digest });
  } catch (cause) {
    if (request.signal.aborted || isBrokenOff(cause)) {
      throw new ProtocolError(
        "length-mismatch",
        "the body broke off before its end: send the part again",
        {},
        { cause },
      );
    }
    if (!isChecksumMismatch(cause)) throw cause;
    throw new ProtocolError(
      "digest-mismatch",
      `the part received does not hash to ${digest}: the file changed or was damaged on its way, send it again`,
      {},
      { cause },
    );
  }
}

/** What the runtime says when a body's sender is gone. */
function isBrokenOff(error: unknown): boolean {
  return (
    error instanceof Error && /network connection lost|disconnected|premature/i.test(error.message)
  );
}

/** R2 names this only in the error's text (code 10037). */
function isChecksumMismatch(error: unknown): boolean {
  return error instanceof Error && /\(10037\)|checksum|did not match/i.test(error.message);
}
