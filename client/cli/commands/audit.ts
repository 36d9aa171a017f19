import { Command } from "commander";
import { AUDIT_PAGE, type AuditEntry } from "../../../protocol/round/administration.ts";
import { momentText } from "../../text/numbers-text.ts";
import type { CommandContext } from "../command-context.ts";
import { addAccessOptions, openAdminClient, type AccessOptions } from "../coordinator-access.ts";
import { positive } from "../options/option-values.ts";
import { textTable } from "../show/text-table.ts";

interface AuditOptions extends AccessOptions {
  readonly limit: number;
  readonly json?: boolean;
}

/** `audit`: what administrators did, the latest last, as logs are read. */
export function auditCommand({ terminal }: CommandContext): Command {
  return addAccessOptions(new Command("audit"))
    .description("show what administrators did, and how often a token was refused")
    .option("--limit <count>", "so many of the latest entries", positive, 50)
    .option("--json", "print them as JSON, the latest first")
    .addHelpText("after", "\nExample:\n  $ npm run scour -- audit --limit 20")
    .action(async (options: AuditOptions) => {
      const admin = openAdminClient(options, terminal);
      const entries: AuditEntry[] = [];
      while (entries.length < options.limit) {
        const wanted = Math.min(AUDIT_PAGE, options.limit - entries.length);
        const page = await admin.audit(wanted, entries.at(-1)?.position);
        entries.push(...page);
        if (page.length < wanted) break;
      }
      terminal.result(entries, options.json, () => auditTable(entries.toReversed()));
    });
}

export function auditTable(entries: readonly AuditEntry[]): string {
  if (entries.length === 0) return "Nothing yet.";
  return textTable([
    ["when", "who", "what", "status", ""],
    ...entries.map(({ at, count, status, what, who }) => [
      momentText(at),
      who?.name ?? "–",
      what,
      String(status),
      count === 1 ? "" : `${count} times within an hour`,
    ]),
  ]);
}
