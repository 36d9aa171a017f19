import { isDigest, type Digest } from "../../protocol/digest.ts";
import { ProtocolError } from "../../protocol/errors.ts";

/**
 * The SHA-256 of a `Content-Digest` header (RFC 9530, section 2); other algorithms beside it are
 * ignored.
 *
 * @returns undefined when the header is absent
 * @throws ProtocolError `malformed-request` when it has no well-formed sha-256.
 */
export function parseContentDigest(header: string | undefined): Digest | undefined {
  if (header === undefined) return undefined;
  const base64 = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?:,|$)/.exec(header)?.[1];
  if (base64 !== undefined) {
    const hex = Array.from(atob(base64), (character) =>
      character.charCodeAt(0).toString(16).padStart(2, "0"),
    ).join("");
    if (isDigest(hex)) return hex;
  }
  throw new ProtocolError(
    "malformed-request",
    "Content-Digest must be 'sha-256=:<base64 of the SHA-256>:' (RFC 9530)",
  );
}

/** A digest as the value of `Content-Digest` or `Repr-Digest`. */
export function formatDigest(digest: string): string {
  const bytes = digest.match(/../g) ?? [];
  return `sha-256=:${btoa(String.fromCharCode(...bytes.map((pair) => Number.parseInt(pair, 16))))}:`;
}

/**
 * The length a request declares.
 *
 * @throws ProtocolError `length-required` without `Content-Length` (SPEC P5).
 */
export function declaredLength(header: string | undefined): number {
  if (header === undefined || !/^\d{1,15}$/.test(header)) {
    throw new ProtocolError(
      "length-required",
      "the body has no Content-Length: send it whole, not chunked",
    );
  }
  return Number(header);
}
