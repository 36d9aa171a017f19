import { ProtocolError } from "../../protocol/errors.ts";
import { blobKey } from "./blob-store.ts";
import { parseContentDigest } from "../../protocol/content-digest.ts";
import { declaredLength } from "./declared-length.ts";

/** Largest model file: its mask, one bit a value, is held in memory while a campaign is made. */
const MAX_MODEL_BYTES = 512 * 2 ** 20;

/**
 * Streams a model file into storage; nothing is kept unless it hashes to `digest` (SPEC P5).
 *
 * @returns whether it is new, and its length in bytes
 * @throws ProtocolError `length-required`, `payload-too-large`, `length-mismatch` or
 *   `digest-mismatch`.
 */
export async function uploadModel(
  bucket: R2Bucket,
  digest: string,
  request: Request,
): Promise<{ created: boolean; bytes: number }> {
  const length = declaredLength(request.headers.get("Content-Length") ?? undefined);
  if (length > MAX_MODEL_BYTES) {
    throw new ProtocolError(
      "payload-too-large",
      `the model has ${length} bytes, the limit is ${MAX_MODEL_BYTES}`,
    );
  }
  const claimed = parseContentDigest(request.headers.get("Content-Digest") ?? undefined);
  if (claimed !== undefined && claimed !== digest) {
    throw new ProtocolError(
      "digest-mismatch",
      `Content-Digest says ${claimed}, the address says ${digest}: upload to the file's own digest`,
    );
  }
  const existing = await bucket.head(blobKey(digest));
  if (existing !== null) {
    // Drained, not cancelled: a client that is still sending would see its connection reset.
    await request.body?.pipeTo(new WritableStream());
    return { created: false, bytes: existing.size };
  }
  try {
    // Unwrapped: R2 needs the length that only the request's own stream carries.
    await bucket.put(blobKey(digest), request.body ?? new Uint8Array(), { sha256: digest });
  } catch (cause) {
    if (request.signal.aborted || isBrokenOff(cause)) {
      throw new ProtocolError(
        "length-mismatch",
        `Content-Length says ${length} bytes, the body broke off before: send it again`,
        {},
        { cause },
      );
    }
    if (!isChecksumMismatch(cause)) throw cause;
    throw new ProtocolError(
      "digest-mismatch",
      `the ${length} bytes received do not hash to ${digest}: the file changed or was damaged on its way, upload it again`,
      {},
      { cause },
    );
  }
  return { created: true, bytes: length };
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
