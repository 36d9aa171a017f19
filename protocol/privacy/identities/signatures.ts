import { hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { subtleCrypto } from "../web-crypto.ts";

/** Signs bytes with a key that stays where it is; the signature in hexadecimal. */
export type Sign = (bytes: Uint8Array<ArrayBuffer>) => Promise<string>;

/** What is signed: lines of text, of which the first says for what; no part can hold a line feed. */
export function signedLines(parts: readonly (string | number)[]): Uint8Array<ArrayBuffer> {
  return utf8ToBytes(parts.join("\n")) as Uint8Array<ArrayBuffer>;
}

const ED25519 = { name: "Ed25519" };

/** Whether an Ed25519 signature (RFC 8032) of these bytes holds. Key and signature in hexadecimal. */
export async function isSignedBy(
  key: string,
  signature: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const subtle = subtleCrypto();
  try {
    const raw = hexToBytes(key) as Uint8Array<ArrayBuffer>;
    const imported = await subtle.importKey("raw", raw, ED25519, false, ["verify"]);
    const signed = hexToBytes(signature) as Uint8Array<ArrayBuffer>;
    return await subtle.verify(ED25519, imported, signed, bytes);
  } catch {
    // Not a point of the curve: nothing can be signed with such a key.
    return false;
  }
}
