import { ProtocolError } from "../../protocol/errors.ts";
import { parsePrevious, secretFault } from "../../protocol/secrets.ts";
import type { Environment } from "../environment.ts";

const KINDS = {
  SCOUR_ADMIN_TOKEN: "admin-token",
  SCOUR_SIGNING_KEY: "signing-key",
} as const;

function missing(name: string, why: string): ProtocolError {
  return new ProtocolError(
    "not-configured",
    `the secret ${name} ${why}: set it with 'wrangler secret put ${name}', or start with 'npm run scour -- serve', which makes one`,
  );
}

/** The present secret, and the one before it while its time lasts (SPEC P7). */
function secretsOf(environment: Environment, name: keyof typeof KINDS): readonly string[] {
  const present = environment[name] ?? "";
  if (present === "") throw missing(name, "is not set");
  const fault = secretFault(KINDS[name], present);
  if (fault !== undefined) throw missing(name, fault);
  const text = environment[`${name}_PREVIOUS`] ?? "";
  if (text === "") return [present];
  const previous = parsePrevious(text);
  if (previous === undefined) {
    throw missing(
      `${name}_PREVIOUS`,
      "must be the moment its time ends, a space and the secret, as in '2026-12-07T00:00Z abc'",
    );
  }
  return previous.until > Date.now() ? [present, previous.secret] : [present];
}

/**
 * Administrator's tokens that hold, the present one first.
 *
 * @throws ProtocolError `not-configured` naming the command that sets it.
 */
export function adminTokens(environment: Environment): readonly string[] {
  return secretsOf(environment, "SCOUR_ADMIN_TOKEN");
}

/**
 * Keys whose signatures hold, the present one first: new tokens are signed with that one alone.
 *
 * @throws ProtocolError `not-configured` naming the command that sets it.
 */
export function signingKeys(environment: Environment): readonly Uint8Array[] {
  return secretsOf(environment, "SCOUR_SIGNING_KEY").map((key) => new TextEncoder().encode(key));
}
