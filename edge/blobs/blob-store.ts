import { hex } from "@scure/base";
import { isDigest, type Digest } from "../../protocol/digest.ts";

/** Where models, students and updates are stored. */
export interface BlobBindings {
  readonly BLOBS: R2Bucket;
}

/** Where a blob lies: models, masks, student slices and optimiser moments, all by digest (SPEC P4). */
export function blobKey(digest: string): string {
  return `blobs/${digest}`;
}

/** SHA-256 of bytes in memory, by the platform's own implementation. */
export async function digestOf(bytes: Uint8Array): Promise<Digest> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const text = hex.encode(hash);
  if (!isDigest(text)) throw new TypeError("SHA-256 did not give 32 bytes");
  return text;
}

/** Stores bytes under their digest. A blob that is there already is left alone. */
export async function putBlob(bucket: R2Bucket, bytes: Uint8Array): Promise<Digest> {
  const digest = await digestOf(bytes);
  if ((await bucket.head(blobKey(digest))) === null) {
    await bucket.put(blobKey(digest), bytes, { sha256: digest });
  }
  return digest;
}

/**
 * Reads an object that must be there, whole.
 *
 * @param length bytes it must have
 * @throws Error when it is missing or has another length: the storage lost what was recorded.
 */
export async function readObject(
  bucket: R2Bucket,
  key: string,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const object = await bucket.get(key);
  if (object === null) throw new Error(`the object '${key}' is missing from storage`);
  const bytes = new Uint8Array(await object.arrayBuffer());
  if (bytes.length !== length) {
    throw new Error(`the object '${key}' has ${bytes.length} bytes, ${length} were stored`);
  }
  return bytes;
}

/**
 * Reads a blob that must be there, whole, and believes it only when it is what its name says (SPEC P4.1).
 *
 * @param length bytes it must have
 * @throws Error when it is missing, has another length or is damaged.
 */
export async function readBlob(
  bucket: R2Bucket,
  digest: string,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readObject(bucket, blobKey(digest), length);
  const found = await digestOf(bytes);
  if (found === digest) return bytes;
  throw new Error(
    `the blob ${digest} is damaged in storage (it hashes to ${found}): put it back from a backup of the state folder`,
  );
}
