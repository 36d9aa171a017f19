import { existsSync } from "node:fs";
import { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import { CommandError } from "../command-error.ts";
import { DEFAULT_STATE_DIR, openStateDirectory } from "../coordinator/state-directory.ts";
import { lockHolder } from "../coordinator/state-lock.ts";
import { rotateSecret, SECRET_KINDS, secretFile } from "../coordinator/state-secrets.ts";
import { count } from "../options/option-values.ts";
import { momentText } from "../../text/numbers-text.ts";

const DAY_MS = 86_400_000;

interface RotateOptions {
  readonly state: string;
  readonly adminToken?: boolean;
  readonly signingKey?: boolean;
  readonly keepDays: number;
}

/** `rotate-keys`: new secrets for a state folder, the old ones holding for a while beside them. */
export function rotateKeysCommand({ terminal }: CommandContext): Command {
  return new Command("rotate-keys")
    .description("replace the secrets of a coordinator on this machine")
    .option("--state <folder>", "the coordinator's state", DEFAULT_STATE_DIR)
    .option("--admin-token", "replace the admin token alone")
    .option("--signing-key", "replace the key that signs invites and credentials alone")
    .option("--keep-days <days>", "how long the old ones go on holding; 0: not at all", count, 7)
    .addHelpText(
      "after",
      "\nExample:\n  $ npm run scour -- rotate-keys --state .scour --keep-days 7",
    )
    .action((options: RotateOptions) => {
      if (!existsSync(secretFile(options.state, "admin-token"))) {
        throw new CommandError(
          `${options.state} is no state folder of a coordinator: it has no admin-token`,
          "Name the folder that `scour serve` printed with --state.",
        );
      }
      const { path } = openStateDirectory(options.state);
      const isWanted = { "admin-token": options.adminToken, "signing-key": options.signingKey };
      const chosen = SECRET_KINDS.filter((kind) => isWanted[kind] === true);
      const kinds = chosen.length === 0 ? SECRET_KINDS : chosen;
      const until = Date.now() + options.keepDays * DAY_MS;
      for (const kind of kinds) {
        const dropped = rotateSecret(path, kind, until) ?? 0;
        if (dropped > Date.now()) {
          terminal.note(
            `${kind}: the one before the old one, which held until ${momentText(dropped)}, is refused from the next start on.`,
          );
        }
        terminal.note(
          options.keepDays === 0
            ? `${kind}: replaced; the old one is refused from the next start on.`
            : `${kind}: replaced; the old one holds until ${momentText(until)}.`,
        );
      }
      const holder = lockHolder(path);
      terminal.note(
        holder === undefined
          ? "The coordinator takes them at its next start."
          : `The coordinator that runs on this state (process ${holder}) takes them when it is started again: until then only the old ones hold.`,
      );
    });
}
