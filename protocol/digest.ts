import { sha256 as sha256Bytes } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

declare const digestBrand: unique symbol;

/** SHA-256 in lower-case hexadecimal, 64 characters: the name of every blob (SPEC P4). */
export type Digest = string & { readonly [digestBrand]: true };

/** Whether `text` is a SHA-256 digest as Scour writes them. */
export function isDigest(text: string): text is Digest {
  return /^[0-9a-f]{64}$/.test(text);
}

/**
 * SHA-256 (FIPS 180-4) of bytes held in memory.
 *
 * @example
 * sha256(new Uint8Array()); // "e3b0c44298fc1c14…"
 */
export function sha256(bytes: Uint8Array): Digest {
  return bytesToHex(sha256Bytes(bytes)) as Digest;
}

/** SHA-256 of a stream that is never held whole. */
export interface DigestStream {
  /** Adds the next bytes; they may be reused afterwards. */
  update(bytes: Uint8Array): void;
  /** The digest of all bytes so far. Ends the stream: no update may follow. */
  finish(): Digest;
}

/**
 * Starts a digest that takes its bytes piece by piece.
 *
 * @example
 * const digest = digestStream();
 * for await (const chunk of body) digest.update(chunk);
 * const name = digest.finish();
 */
export function digestStream(): DigestStream {
  const hash = sha256Bytes.create();
  return {
    update: (bytes) => void hash.update(bytes),
    finish: () => bytesToHex(hash.digest()) as Digest,
  };
}
