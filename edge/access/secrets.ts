import { ProtocolError } from "../../protocol/errors.ts";
import type { Environment } from "../environment.ts";

/** An HS256 key shorter than its hash can be guessed more easily than the hash (RFC 7518, 3.2). */
const MIN_KEY_BYTES = 32;

function missing(name: string, why: string): ProtocolError {
  return new ProtocolError(
    "not-configured",
    `the secret ${name} ${why}: set it with 'wrangler secret put ${name}', or start with 'npm run scour -- serve', which makes one`,
  );
}

/** @throws ProtocolError `not-configured` naming the command that sets it. */
export function adminToken(environment: Environment): string {
  const token = environment.SCOUR_ADMIN_TOKEN;
  if (token === undefined || token === "") throw missing("SCOUR_ADMIN_TOKEN", "is not set");
  return token;
}

/** @throws ProtocolError `not-configured` naming the command that sets it. */
export function signingKey(environment: Environment): Uint8Array {
  const text = environment.SCOUR_SIGNING_KEY;
  if (text === undefined || text === "") throw missing("SCOUR_SIGNING_KEY", "is not set");
  const key = new TextEncoder().encode(text);
  if (key.length < MIN_KEY_BYTES) {
    throw missing("SCOUR_SIGNING_KEY", `has fewer than ${MIN_KEY_BYTES} bytes`);
  }
  return key;
}
