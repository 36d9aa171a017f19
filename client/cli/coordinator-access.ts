import { readFileSync } from "node:fs";
import { Option, type Command } from "commander";
import { AdminClient } from "../admin/admin-client.ts";
import { CommandError } from "./command-error.ts";
import { adminTokenFile, DEFAULT_STATE_DIR } from "./coordinator/state-directory.ts";
import { coordinatorUrl } from "./options/option-values.ts";
import type { Terminal } from "./show/terminal.ts";

const DEFAULT_COORDINATOR = "http://127.0.0.1:8787";

export interface AccessOptions {
  readonly coordinator: string;
  readonly adminTokenFile?: string;
}

/** Adds the options that say which coordinator, and as whom. */
export function addAccessOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--coordinator <url>", "where the coordinator answers")
        .env("SCOUR_URL")
        .argParser(coordinatorUrl)
        .default(DEFAULT_COORDINATOR),
    )
    .option(
      "--admin-token-file <file>",
      "file with the admin token (else SCOUR_ADMIN_TOKEN, else ./.scour/admin-token)",
    );
}

/**
 * The admin API that the options point to.
 *
 * @throws CommandError when no admin token is to be had.
 */
export function openAdminClient(options: AccessOptions, terminal: Terminal): AdminClient {
  return new AdminClient(options.coordinator, findAdminToken(options, terminal));
}

function findAdminToken(options: AccessOptions, terminal: Terminal): string {
  if (options.adminTokenFile !== undefined) return readToken(options.adminTokenFile);
  const fromEnvironment = process.env["SCOUR_ADMIN_TOKEN"]?.trim();
  if (fromEnvironment !== undefined && fromEnvironment !== "") return fromEnvironment;
  const local = adminTokenFile(DEFAULT_STATE_DIR);
  try {
    const token = readToken(local);
    terminal.note(`Using the admin token in ${local}.`);
    return token;
  } catch {
    throw new CommandError(
      "no admin token was given",
      `A coordinator on this machine makes it in ${local} of the folder it is started in (\`npm start\`). Else set SCOUR_ADMIN_TOKEN, or name its file with --admin-token-file.`,
    );
  }
}

function readToken(file: string): string {
  let token: string;
  try {
    token = readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new CommandError(
      `the admin token cannot be read: ${(error as Error).message}`,
      "Name the file that `scour serve` printed with --admin-token-file.",
    );
  }
  if (token === "") throw new CommandError(`${file} is empty`, "Name the file of the admin token.");
  return token;
}
