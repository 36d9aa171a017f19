import { hexToBytes } from "@noble/hashes/utils.js";
import { ProtocolError } from "../../protocol/errors.ts";

/** Whether an Ed25519 signature (RFC 8032) of these bytes holds. All but `bytes` is hexadecimal. */
async function holds(key: string, signature: string, bytes: Uint8Array): Promise<boolean> {
  const algorithm = { name: "Ed25519" };
  try {
    const raw = hexToBytes(key);
    const imported = await crypto.subtle.importKey("raw", raw, algorithm, false, ["verify"]);
    return await crypto.subtle.verify(algorithm, imported, hexToBytes(signature), bytes);
  } catch {
    // Not a point of the curve: nothing can be signed with such a key.
    return false;
  }
}

/**
 * Checks what was signed with a participant's key.
 *
 * @param what the signature is of, for the message
 * @throws ProtocolError `bad-signature`.
 */
export async function requireSignature(
  key: string,
  signature: string | undefined,
  bytes: Uint8Array,
  what: string,
): Promise<void> {
  if (signature !== undefined && (await holds(key, signature, bytes))) return;
  const why = signature === undefined ? "is not signed" : "has a signature that does not hold";
  throw new ProtocolError(
    "bad-signature",
    `${what} ${why}: sign it with the key that the participant enrolled with`,
  );
}
