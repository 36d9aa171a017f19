import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { CommandError } from "../command-error.ts";

/** Where a coordinator keeps everything; unreadable for others. */
export interface StateDirectory {
  readonly path: string;
  /** Objects and blobs of the Workers runtime. */
  readonly storage: string;
  readonly adminTokenFile: string;
  readonly adminToken: string;
  readonly signingKey: string;
}

/** The state that `serve` uses unless told otherwise. */
export const DEFAULT_STATE_DIR = ".scour";

export function adminTokenFile(stateDir: string): string {
  return join(resolve(stateDir), "admin-token");
}

/**
 * Opens a state folder, making it and its two secrets at the first start (SPEC P6).
 *
 * @throws CommandError when the folder cannot be made or a secret is empty.
 */
export function openStateDirectory(stateDir: string): StateDirectory {
  const path = resolve(stateDir);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chmodSync(path, 0o700);
  } catch (error) {
    throw new CommandError(
      `the state folder ${path} cannot be used: ${(error as Error).message}`,
      "Name a folder you may write to with --state.",
    );
  }
  const tokenFile = adminTokenFile(path);
  return {
    path,
    storage: join(path, "storage"),
    adminTokenFile: tokenFile,
    adminToken: readOrMakeSecret(tokenFile),
    signingKey: readOrMakeSecret(join(path, "signing-key")),
  };
}

function readOrMakeSecret(path: string): string {
  if (!existsSync(path)) {
    writeFileSync(path, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  }
  chmodSync(path, 0o600);
  const secret = readFileSync(path, "utf8").trim();
  if (secret.length < 32) {
    throw new CommandError(
      `${path} holds no secret of at least 32 characters`,
      "Remove the file: the next start makes a new one.",
    );
  }
  return secret;
}
