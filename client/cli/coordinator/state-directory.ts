import { chmodSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { CommandError } from "../command-error.ts";
import type { CoordinatorSecrets } from "./front/known-tokens.ts";
import { isGiven, openSecrets, secretFile, type GivenSecrets } from "./state-secrets.ts";

/** Where a coordinator keeps everything; unreadable for others. */
export interface StateDirectory {
  readonly path: string;
  /** Objects and blobs of the Workers runtime. */
  readonly storage: string;
  /** Undefined when the admin token was given from outside. */
  readonly adminTokenFile: string | undefined;
  readonly secrets: CoordinatorSecrets;
}

/** The state that `serve` uses unless told otherwise. */
export const DEFAULT_STATE_DIR = ".scour";

export function adminTokenFile(stateDir: string): string {
  return secretFile(resolve(stateDir), "admin-token");
}

/**
 * Makes a folder where there is none, and shuts it to others.
 *
 * @returns its whole path
 * @throws CommandError when it cannot be made.
 */
export function openPrivateFolder(stateDir: string): string {
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
  return path;
}

/**
 * Opens a state folder, making it and, at the first start, the secrets that are not given.
 *
 * @throws CommandError when the folder cannot be made or a secret is of no use.
 */
export function openStateDirectory(stateDir: string, given: GivenSecrets = {}): StateDirectory {
  const path = openPrivateFolder(stateDir);
  return {
    path,
    storage: join(path, "storage"),
    adminTokenFile: isGiven("admin-token", given) ? undefined : adminTokenFile(path),
    secrets: openSecrets(path, given),
  };
}
