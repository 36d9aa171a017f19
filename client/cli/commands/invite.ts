import { Command } from "commander";
import type { Invite } from "../../../protocol/round/access.ts";
import type { CommandContext } from "../command-context.ts";
import { addAccessOptions, openAdminClient, type AccessOptions } from "../coordinator-access.ts";
import { LOCAL_LINK_WARNING, opensHereOnly } from "../local-link.ts";
import { positive } from "../options/option-values.ts";
import { textTable } from "../show/text-table.ts";
import { momentText } from "../../text/numbers-text.ts";

interface InviteOptions extends AccessOptions {
  readonly uses?: number;
  readonly places?: number;
  readonly count?: number;
  readonly expiresIn?: number;
  readonly organisation?: string;
  readonly json?: boolean;
}

/** `invite`: links with which volunteers join a campaign; also lists and revokes them. */
export function inviteCommand({ terminal }: CommandContext): Command {
  const invite = addAccessOptions(new Command("invite"))
    .description("make a link with which volunteers join a campaign")
    .argument("<campaign>", "the campaign's id")
    .option("--count <count>", "make so many invites, a link for each volunteer", positive)
    .option("--uses <count>", "how many may join with one link (default 1)", positive)
    .option(
      "--places <count>",
      "how many of those may be at work in a round at the same time: what the invite counts as (default 1)",
      positive,
    )
    .option("--expires-in <seconds>", "how long it holds (default 7 days)", positive)
    .option("--organisation <name>", "whom those who join with it belong to")
    .option("--json", "print the invite as JSON")
    .addHelpText("after", "\nExample:\n  $ npm run scour -- invite c-… --count 4")
    .action(async (campaign: string, options: InviteOptions) => {
      const admin = openAdminClient(options, terminal);
      const request = {
        ...(options.uses === undefined ? {} : { uses: options.uses }),
        ...(options.places === undefined ? {} : { places: options.places }),
        ...(options.expiresIn === undefined ? {} : { expiresInSeconds: options.expiresIn }),
        ...(options.organisation === undefined ? {} : { organisation: options.organisation }),
      };
      const made: Invite[] = [];
      for (let i = 0; i < (options.count ?? 1); i++)
        made.push(await admin.invite(campaign, request));
      const [first] = made as [Invite];
      terminal.result(options.count === undefined ? first : made, options.json, () =>
        [
          ...made.map(({ url }) => url),
          ``,
          ...(opensHereOnly(first.url) ? [LOCAL_LINK_WARNING, ``] : []),
          ...invitesText(first, made.length),
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

/** What links of this kind are good for. */
function invitesText({ expiresAt, places, url, uses }: Invite, count: number): string[] {
  const people = uses === 1 ? "one participant" : `${uses} participants`;
  const shared = `They count as ${places === 1 ? "one" : places}: at most ${places} of the ${uses} have a place in a round at the same time, and the weight of ${places === 1 ? "one" : places}. The others wait. --places says otherwise; --count makes a link for each volunteer.`;
  return [
    `${count === 1 ? "For" : `${count} links, each for`} ${people}, until ${momentText(expiresAt)}. Whoever has ${count === 1 ? "the" : "a"} link can join:`,
    `  in a browser, by opening it; or npm run scour -- join '${url}' --images FOLDER`,
    ...(uses > places ? [shared] : []),
  ];
}

function inviteTable(invites: readonly Invite[]): string {
  if (invites.length === 0) return "No invites yet: `invite CAMPAIGN` makes one.";
  return textTable([
    ["invite", "used", "places", "until", "organisation", "state"],
    ...invites.map((invite) => [
      invite.id,
      `${invite.used} of ${invite.uses}`,
      String(invite.places),
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
