import { Command } from "commander";
import type { Invite } from "../../../protocol/round/access.ts";
import type { CommandContext } from "../command-context.ts";
import { addAccessOptions, openAdminClient, type AccessOptions } from "../coordinator-access.ts";
import { positive } from "../option-values.ts";
import { momentText, textTable } from "../text-table.ts";

interface InviteOptions extends AccessOptions {
  readonly uses?: number;
  readonly expiresIn?: number;
  readonly organisation?: string;
  readonly json?: boolean;
}

/** `invite`: links with which volunteers join a campaign; also lists and revokes them. */
export function inviteCommand({ terminal }: CommandContext): Command {
  const invite = addAccessOptions(new Command("invite"))
    .description("make a link with which volunteers join a campaign")
    .argument("<campaign>", "the campaign's id")
    .option("--uses <count>", "how many may join with it (default 1)", positive)
    .option("--expires-in <seconds>", "how long it holds (default 7 days)", positive)
    .option("--organisation <name>", "whom those who join with it belong to")
    .option("--json", "print the invite as JSON")
    .addHelpText("after", "\nExample:\n  $ npm run scour -- invite c-… --uses 4 --json")
    .action(async (campaign: string, options: InviteOptions) => {
      const made = await openAdminClient(options, terminal).invite(campaign, {
        ...(options.uses === undefined ? {} : { uses: options.uses }),
        ...(options.expiresIn === undefined ? {} : { expiresInSeconds: options.expiresIn }),
        ...(options.organisation === undefined ? {} : { organisation: options.organisation }),
      });
      terminal.result(made, options.json, () =>
        [
          made.url,
          ``,
          `For ${made.uses} ${made.uses === 1 ? "participant" : "participants"}, until ${momentText(made.expiresAt)}. Whoever has the link can join:`,
          `  in a browser, by opening it; or npm run scour -- join '${made.url}' --images FOLDER`,
        ].join("\n"),
      );
    });

  // The parent's options would otherwise be taken from behind a sub-command's name.
  invite.enablePositionalOptions();
  invite.addCommand(
    addAccessOptions(new Command("list"))
      .description("list a campaign's invites")
      .argument("<campaign>", "the campaign's id")
      .option("--json", "print them as JSON")
      .addHelpText("after", "\nExample:\n  $ npm run scour -- invite list c-…")
      .action(async (campaign: string, options: InviteOptions) => {
        const invites = await openAdminClient(options, terminal).invites(campaign);
        terminal.result(invites, options.json, () => inviteTable(invites));
      }),
  );
  invite.addCommand(
    addAccessOptions(new Command("revoke"))
      .description("revoke an invite; those who joined with it stay")
      .argument("<campaign>", "the campaign's id")
      .argument("<invite>", "the invite's id")
      .option("--json", "print what was revoked as JSON")
      .addHelpText("after", "\nExample:\n  $ npm run scour -- invite revoke c-… i-…")
      .action(async (campaign: string, id: string, options: InviteOptions) => {
        await openAdminClient(options, terminal).revokeInvite(campaign, id);
        terminal.result({ id, revoked: true }, options.json, () => `Invite ${id} is revoked.`);
      }),
  );
  return invite;
}

function inviteTable(invites: readonly Invite[]): string {
  if (invites.length === 0) return "No invites yet: `invite CAMPAIGN` makes one.";
  return textTable([
    ["invite", "used", "until", "organisation", "state"],
    ...invites.map((invite) => [
      invite.id,
      `${invite.used} of ${invite.uses}`,
      momentText(invite.expiresAt),
      invite.organisation ?? "–",
      inviteState(invite),
    ]),
  ]);
}

function inviteState(invite: Invite): string {
  if (invite.revoked) return "revoked";
  if (invite.expiresAt <= Date.now()) return "expired";
  return invite.used >= invite.uses ? "used up" : "open";
}
