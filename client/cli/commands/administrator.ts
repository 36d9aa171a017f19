import { Command, Option } from "commander";
import { ROLES, type Administrator, type Role } from "../../../protocol/round/administration.ts";
import { momentText } from "../../text/numbers-text.ts";
import type { CommandContext } from "../command-context.ts";
import { addAccessOptions, openAdminClient, type AccessOptions } from "../coordinator-access.ts";
import { positive } from "../options/option-values.ts";
import { textTable } from "../show/text-table.ts";

type ListOptions = AccessOptions & { readonly json?: boolean };

interface AddOptions extends ListOptions {
  readonly role: Role;
  readonly expiresIn?: number;
}

/** `administrator add|list|revoke`: who administers the coordinator, and what each may do. */
export function administratorCommand({ terminal }: CommandContext): Command {
  const add = addAccessOptions(new Command("add"))
    .description("name an administrator, and print the token that opens the coordinator to them")
    .argument("<name>", "for lists and the audit log")
    .addOption(
      new Option(
        "--role <role>",
        "read: see all there is; run: also act on campaigns; own: also name administrators and read the audit log",
      )
        .choices(ROLES)
        .default("read"),
    )
    .option("--expires-in <seconds>", "how long the token holds (default 90 days)", positive)
    .option("--json", "print it as JSON")
    .addHelpText("after", '\nExample:\n  $ npm run scour -- administrator add "Ada" --role run')
    .action(async (name: string, options: AddOptions) => {
      const { expiresIn, role } = options;
      const named = await openAdminClient(options, terminal).nameAdministrator({
        name,
        role,
        ...(expiresIn !== undefined && { expiresInSeconds: expiresIn }),
      });
      terminal.result(named, options.json, () => named.token);
      terminal.note(
        `This is ${named.name}'s token, told this once: SCOUR_ADMIN_TOKEN or --admin-token-file takes it. It may ${named.role} and holds until ${momentText(named.expiresAt)}.`,
      );
    });

  const list = addAccessOptions(new Command("list"))
    .description("list administrators")
    .option("--json", "print them as JSON")
    .addHelpText("after", "\nExample:\n  $ npm run scour -- administrator list")
    .action(async (options: ListOptions) => {
      const all = await openAdminClient(options, terminal).administrators();
      terminal.result(all, options.json, () => administratorTable(all, Date.now()));
    });

  const revoke = addAccessOptions(new Command("revoke"))
    .description("take an administrator's token away")
    .argument("<administrator>", "id, as the list has it")
    .option("--json", "print it as JSON")
    .addHelpText("after", "\nExample:\n  $ npm run scour -- administrator revoke a-…")
    .action(async (id: string, options: ListOptions) => {
      const revoked = await openAdminClient(options, terminal).revokeAdministrator(id);
      terminal.result(
        revoked,
        options.json,
        () => `${revoked.name}'s token opens nothing any more.`,
      );
    });

  const command = new Command("administrator")
    .description("name administrators beside the owner, list and revoke them")
    .addHelpText("after", "\nExample:\n  $ npm run scour -- administrator add Ada --role run");
  for (const child of [add, list, revoke]) command.addCommand(child);
  return command;
}

/** @param now ms since the epoch */
export function administratorTable(all: readonly Administrator[], now: number): string {
  if (all.length === 0) return "Nobody but the owner of the coordinator's own token.";
  return textTable([
    ["administrator", "name", "role", "until", ""],
    ...all.map(({ expiresAt, id, name, revoked, role }) => [
      id,
      name,
      role,
      momentText(expiresAt),
      revoked ? "revoked" : expiresAt <= now ? "expired" : "",
    ]),
  ]);
}
