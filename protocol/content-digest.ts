import { base64, hex } from "@scure/base";
import { isDigest, type Digest } from "./digest.ts";
import { ProtocolError } from "./errors.ts";

/**
 * A digest as the value of `Content-Digest` or `Repr-Digest` (RFC 9530, SPEC P5).
 *
 * @example
 * formatDigest(sha256(frame)); // "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
 */
export function formatDigest(digest: string): string {
  return `sha-256=:${base64.encode(hex.decode(digest))}:`;
}

/**
 * The SHA-256 of a `Content-Digest` header (RFC 9530, section 2); other algorithms beside it are
 * ignored.
 *
 * @returns undefined when the header is absent
 * @throws ProtocolError `malformed-request` when it has no well-formed sha-256.
 */
export function parseContentDigest(header: string | undefined): Digest | undefined {
  if (header === undefined) return undefined;
  const text = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?:,|$)/.exec(header)?.[1];
  const digest = text === undefined ? undefined : hexOf(text);
  if (digest !== undefined && isDigest(digest)) return digest;
  throw new ProtocolError(
    "malformed-request",
    "Content-Digest must be 'sha-256=:<base64 of the SHA-256>:' (RFC 9530)",
  );
}

/** undefined where the base64 has bits left over, which nobody writes (RFC 4648, section 3.5). */
function hexOf(text: string): string | undefined {
  try {
    return hex.encode(base64.decode(text));
  } catch {
    return undefined;
  }
}
