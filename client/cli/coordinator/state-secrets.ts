import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatPrevious, parsePrevious, secretFault } from "../../../protocol/secrets.ts";
import { CommandError } from "../command-error.ts";
import type { CoordinatorSecrets, TimedSecrets } from "./front/known-tokens.ts";

/** The two secrets; also their files' names. */
export const SECRET_KINDS = ["admin-token", "signing-key"] as const;
export type SecretKind = (typeof SECRET_KINDS)[number];

const VARIABLES = {
  "admin-token": "SCOUR_ADMIN_TOKEN",
  "signing-key": "SCOUR_SIGNING_KEY",
} as const satisfies Record<SecretKind, string>;

/** Secrets that were given from outside, as the environment has them. */
export type GivenSecrets = Readonly<Record<string, string | undefined>>;

/** Whether a secret is given from outside, so that its file says nothing. */
export function isGiven(kind: SecretKind, given: GivenSecrets): boolean {
  return valueOf(given, VARIABLES[kind]) !== undefined;
}

/** An empty variable is none. */
function valueOf(given: GivenSecrets, name: string): string | undefined {
  const value = given[name]?.trim();
  return value === "" ? undefined : value;
}

/** Where a state folder keeps a secret. */
export function secretFile(stateDir: string, kind: SecretKind): string {
  return join(stateDir, kind);
}

/**
 * The secrets of a coordinator: those that are given, else those in its state folder, which are made
 * at the first start (SPEC P6, P7).
 *
 * @param given by name, such as `SCOUR_ADMIN_TOKEN` and `SCOUR_ADMIN_TOKEN_PREVIOUS`
 * @throws CommandError naming the secret that is of no use, and what to do.
 */
export function openSecrets(stateDir: string, given: GivenSecrets): CoordinatorSecrets {
  const open = (kind: SecretKind): TimedSecrets =>
    isGiven(kind, given) ? givenSecret(kind, given) : storedSecret(stateDir, kind);
  return { adminToken: open("admin-token"), signingKey: open("signing-key") };
}

function givenSecret(kind: SecretKind, given: GivenSecrets): TimedSecrets {
  const name = VARIABLES[kind];
  const present = valueOf(given, name) ?? "";
  const fault = secretFault(kind, present);
  if (fault !== undefined) {
    throw new CommandError(
      `${name} in the environment ${fault}`,
      `Set it to a long random text, such as \`openssl rand -base64 32\` prints, or unset it: the state folder has one of its own.`,
    );
  }
  const text = valueOf(given, `${name}_PREVIOUS`);
  const previous = text === undefined ? undefined : parsePrevious(text);
  if (text !== undefined && previous === undefined) {
    throw new CommandError(
      `${name}_PREVIOUS in the environment is not the moment its time ends, a space and the secret`,
      "Write it as in '2026-12-07T00:00Z abc', or unset it.",
    );
  }
  return { present, previous };
}

function storedSecret(stateDir: string, kind: SecretKind): TimedSecrets {
  const path = secretFile(stateDir, kind);
  if (!existsSync(path)) writeSecret(path, freshSecret());
  chmodSync(path, 0o600);
  const present = readFileSync(path, "utf8").trim();
  const fault = secretFault(kind, present);
  if (fault !== undefined) {
    throw new CommandError(
      `the secret in ${path} ${fault}`,
      "Remove the file: the next start makes a new one.",
    );
  }
  const previousPath = `${path}.previous`;
  if (!existsSync(previousPath)) return { present, previous: undefined };
  const previous = parsePrevious(readFileSync(previousPath, "utf8"));
  if (previous === undefined) {
    throw new CommandError(
      `${previousPath} holds no secret with the end of its time`,
      "Remove the file: what it held is then refused.",
    );
  }
  return { present, previous };
}

/**
 * Replaces a secret in a state folder; the one before it holds until `until`, ms since the epoch.
 *
 * @returns until when one before that would have held; it is refused from now on
 * @throws CommandError as `openSecrets` does.
 */
export function rotateSecret(
  stateDir: string,
  kind: SecretKind,
  until: number,
): number | undefined {
  const { present, previous } = storedSecret(stateDir, kind);
  const path = secretFile(stateDir, kind);
  // First: killed in between, the old one stands in both places and goes on holding.
  writeSecret(`${path}.previous`, formatPrevious({ secret: present, until }));
  writeSecret(path, freshSecret());
  return previous?.until;
}

function freshSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** Writes a secret so that nobody else reads it, whole or not at all. */
export function writeSecret(path: string, text: string): void {
  const next = `${path}.next`;
  writeFileSync(next, `${text}\n`, { mode: 0o600 });
  renameSync(next, path);
}
