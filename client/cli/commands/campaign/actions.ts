import { Command } from "commander";
import { CAMPAIGN_ACTIONS, type CampaignAction } from "../../../../protocol/round/states.ts";
import type { CommandContext } from "../../command-context.ts";
import { count } from "../../options/option-values.ts";
import { placesWarning } from "./places-warning.ts";
import { addAccessOptions, openAdminClient, type AccessOptions } from "../../coordinator-access.ts";

const DESCRIPTIONS: Record<CampaignAction, string> = {
  start: "let a campaign hand out work",
  pause: "hand out no more work until it is resumed; stored updates stay",
  resume: "go on with a paused campaign",
  abort: "end a campaign for good; rounds already committed can still be exported",
};

interface ActionOptions extends AccessOptions {
  readonly json?: boolean;
}

/** `campaign start|pause|resume|abort`. */
export function campaignActions({ terminal }: CommandContext): Command[] {
  return CAMPAIGN_ACTIONS.map((action) =>
    addAccessOptions(new Command(action))
      .description(DESCRIPTIONS[action])
      .argument("<campaign>", "the campaign's id")
      .option("--json", "print id, state and round as JSON")
      .addHelpText("after", `\nExample:\n  $ npm run scour -- campaign ${action} c-…`)
      .action(async (campaign: string, options: ActionOptions) => {
        const admin = openAdminClient(options, terminal);
        const report = await admin.act(campaign, action);
        const { config, detail, evidenceGap, id, state, round, rounds } = report;
        if (detail !== null) terminal.note(`${state}: ${detail}`);
        if (action === "start") {
          if (evidenceGap !== null) terminal.note(`evidence: ${evidenceGap}`);
          const warning = placesWarning(config.round, await admin.invites(campaign), Date.now());
          if (warning !== undefined) terminal.note(warning);
        }
        terminal.result(
          { id, state, round, rounds },
          options.json,
          () => `Campaign ${id} is ${state}, ${round} of ${rounds} rounds done.`,
        );
      }),
  );
}

/** `campaign remove`. */
export function campaignRemove({ terminal }: CommandContext): Command {
  return addAccessOptions(new Command("remove"))
    .description(
      "remove a participant for good; what it gave to an open round goes, too, and its invite is closed",
    )
    .argument("<campaign>", "the campaign's id")
    .argument("<participant>", "the participant's id, as `campaign participants` tells it")
    .option("--json", "print what was removed as JSON")
    .addHelpText("after", "\nExample:\n  $ npm run scour -- campaign remove c-… p-…")
    .action(async (campaign: string, participant: string, options: ActionOptions) => {
      const admin = openAdminClient(options, terminal);
      const { closedInvite } = await admin.removeParticipant(campaign, participant);
      terminal.result({ id: participant, removed: true, closedInvite }, options.json, () =>
        [
          `Participant ${participant} is removed: its credential is refused from now on.`,
          `Its invite ${closedInvite} is closed: those who joined with it stay, nobody can join with it any more.`,
        ].join("\n"),
      );
    });
}

/** `campaign rollback`. */
export function campaignRollback({ terminal }: CommandContext): Command {
  return addAccessOptions(new Command("rollback"))
    .description(
      "go on from an earlier student of a campaign that is under way; the round at hand is begun anew",
    )
    .argument("<campaign>", "the campaign's id")
    .requiredOption("--round <n>", "rounds that were committed when the student came out", count)
    .option("--json", "print id, state and round as JSON")
    .addHelpText("after", "\nExample:\n  $ npm run scour -- campaign rollback c-… --round 5")
    .action(async (campaign: string, options: ActionOptions & { readonly round: number }) => {
      const admin = openAdminClient(options, terminal);
      const { id, round, rounds, state } = await admin.rollBack(campaign, options.round);
      terminal.result(
        { id, state, round, rounds, rolledBackTo: options.round },
        options.json,
        () =>
          `Campaign ${id} goes on from the student of round ${options.round}, ${round} of ${rounds} rounds done.`,
      );
    });
}
