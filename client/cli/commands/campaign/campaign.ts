import { Command } from "commander";
import type { CommandContext } from "../../command-context.ts";
import { campaignActions, campaignRemove, campaignRollback } from "./actions.ts";
import { campaignCreate } from "./create.ts";
import { campaignExport } from "./export.ts";
import { campaignReports } from "./reports.ts";
import { campaignUpdates } from "./updates.ts";

/** `campaign`: everything an administrator does with campaigns. */
export function campaignCommand(context: CommandContext): Command {
  const command = new Command("campaign")
    .description("create, watch over and export campaigns")
    .addHelpText(
      "after",
      "\nExample:\n  $ npm run scour -- campaign create --help\n  $ npm run scour -- campaign list",
    );
  for (const child of [
    campaignCreate(context),
    ...campaignReports(context),
    campaignUpdates(context),
    ...campaignActions(context),
    campaignRollback(context),
    campaignRemove(context),
    campaignExport(context),
  ]) {
    command.addCommand(child);
  }
  return command;
}
