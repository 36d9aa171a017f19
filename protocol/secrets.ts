import { utf8ToBytes } from "@noble/hashes/utils.js";

/**
 * The coordinator's secrets: the administrator's token and the key that signs invites and
 * credentials. When one is changed, the one before it holds beside it until a moment (SPEC P7).
 */

/** Fewest characters of an administrator's token: what is shorter can be guessed. */
const MIN_ADMIN_TOKEN_CHARACTERS = 16;

/** An HS256 key shorter than its hash is guessed more easily than the hash (RFC 7518, 3.2). */
const MIN_SIGNING_KEY_BYTES = 32;

/** What is wrong with a secret of this kind; undefined when nothing is. */
export function secretFault(
  kind: "admin-token" | "signing-key",
  secret: string,
): string | undefined {
  if (kind === "signing-key") {
    const bytes = utf8ToBytes(secret).length;
    return bytes < MIN_SIGNING_KEY_BYTES
      ? `has ${bytes} bytes, fewer than ${MIN_SIGNING_KEY_BYTES}`
      : undefined;
  }
  if (secret.length < MIN_ADMIN_TOKEN_CHARACTERS) {
    return `has ${secret.length} characters, fewer than ${MIN_ADMIN_TOKEN_CHARACTERS}`;
  }
  return /^[\x21-\x7e]+$/.test(secret) ? undefined : "has characters that no header can carry";
}

/** A secret that was replaced. */
export interface PreviousSecret {
  readonly secret: string;
  /** ms since the epoch; refused from then on. */
  readonly until: number;
}

/**
 * A replaced secret as it stands in an environment or a file: the moment its time ends as ISO 8601,
 * a space, the secret.
 *
 * @example
 * formatPrevious({ secret: "old", until: Date.UTC(2026, 11, 7) }); // "2026-12-07T00:00:00.000Z old"
 */
export function formatPrevious({ secret, until }: PreviousSecret): string {
  return `${new Date(until).toISOString()} ${secret}`;
}

/** Reads what `formatPrevious` wrote; undefined when it is something else. */
export function parsePrevious(text: string): PreviousSecret | undefined {
  const [, moment = "", secret = ""] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z) +(\S+)$/.exec(text.trim()) ?? [];
  const until = Date.parse(moment);
  return secret === "" || Number.isNaN(until) ? undefined : { secret, until };
}
