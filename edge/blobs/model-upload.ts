import type { Digest } from "../../protocol/digest.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { directoryOf } from "../directory/all-campaigns.ts";
import type { Environment } from "../environment.ts";
import { blobKey, hexDigest } from "./blob-store.ts";
import { declaredLength, parseContentDigest } from "./content-digest.ts";
import { bodyParts } from "./request-body.ts";

/** Largest model file: its mask, one bit a value, is held in memory while a campaign is made. */
const MAX_MODEL_BYTES = 512 * 2 ** 20;

/**
 * A part of a model on its way into storage; two are in memory at a time. R2 takes 5 MiB to 5 GiB,
 * all of one size but the last.
 */
const PART_BYTES = 8 * 2 ** 20;

interface StoredModel {
  readonly created: boolean;
  readonly bytes: number;
}

/**
 * Stores a model file; nothing is kept unless all of it came and it hashes to `digest` (SPEC P5).
 *
 * @returns whether it is new, and its length in bytes
 * @throws ProtocolError `length-required`, `payload-too-large`, `length-mismatch` or
 *   `digest-mismatch`.
 */
export async function uploadModel(
  environment: Environment,
  context: Pick<ExecutionContext, "waitUntil">,
  digest: string,
  request: Request,
): Promise<StoredModel> {
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
  const existing = await environment.BLOBS.head(blobKey(digest));
  if (existing !== null) {
    // Drained, not cancelled: a client that is still sending would see its connection reset.
    await request.body?.pipeTo(new WritableStream());
    return { created: false, bytes: existing.size };
  }
  const stored =
    length <= PART_BYTES
      ? storeWhole(environment.BLOBS, digest, request, length)
      : storeInParts(environment, digest, request, length);
  // A caller that is gone takes the request with it, but not the clearing up.
  context.waitUntil(stored.catch(() => undefined));
  await stored;
  return { created: true, bytes: length };
}

function damaged(length: number, digest: string): ProtocolError {
  return new ProtocolError(
    "digest-mismatch",
    `the ${length} bytes received do not hash to ${digest}: the file changed or was damaged on its way, upload it again`,
  );
}

async function storeWhole(
  bucket: R2Bucket,
  digest: string,
  request: Request,
  length: number,
): Promise<void> {
  const hash = new ContentHash();
  let body = new Uint8Array();
  for await (const part of bodyParts(request, length, PART_BYTES)) {
    await hash.take(part);
    body = part;
  }
  if ((await hash.digest()) !== digest) throw damaged(length, digest);
  await bucket.put(blobKey(digest), body, { sha256: digest });
}

/**
 * Stores a file part by part. It becomes an object only when it is complete and right; else it is
 * aborted, here or, should this be killed, by the directory, which keeps a note of it.
 */
async function storeInParts(
  environment: Environment,
  digest: string,
  request: Request,
  length: number,
): Promise<void> {
  const directory = directoryOf(environment);
  const upload = await environment.BLOBS.createMultipartUpload(blobKey(digest));
  const parts: R2UploadedPart[] = [];
  let storing: Promise<R2UploadedPart> | undefined;
  try {
    const hash = new ContentHash();
    for await (const part of bodyParts(request, length, PART_BYTES)) {
      await hash.take(part);
      if (storing !== undefined) parts.push(await storing);
      await directory.noteUpload(upload.key, upload.uploadId, Date.now());
      storing = upload.uploadPart(parts.length + 1, part);
    }
    if (storing !== undefined) parts.push(await storing);
    if ((await hash.digest()) !== digest) throw damaged(length, digest);
    await upload.complete(parts);
  } catch (error) {
    await storing?.catch(() => undefined);
    await upload.abort();
    throw error;
  } finally {
    await directory.forgetUpload(upload.uploadId);
  }
}

/** SHA-256 of bytes as they come, by the platform's own implementation. */
class ContentHash {
  readonly #stream = new crypto.DigestStream("SHA-256");
  readonly #writer = this.#stream.getWriter();

  async take(bytes: Uint8Array): Promise<void> {
    await this.#writer.write(bytes);
  }

  async digest(): Promise<Digest> {
    await this.#writer.close();
    return hexDigest(await this.#stream.digest);
  }
}
