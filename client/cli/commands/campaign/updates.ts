import { Command } from "commander";
import { isClipped, type UpdateReport } from "../../../../protocol/round/update-sizes.ts";
import type { CommandContext } from "../../command-context.ts";
import { addAccessOptions, openAdminClient, type AccessOptions } from "../../coordinator-access.ts";
import { positive } from "../../options/option-values.ts";
import { textTable } from "../../show/text-table.ts";
import { normText, percent } from "../../../text/numbers-text.ts";

interface UpdatesOptions extends AccessOptions {
  /** From 1, as the tables count them. */
  readonly round?: number;
  readonly json?: boolean;
}

/** `campaign updates`: how large each participant's update was, and how much of it was taken. */
export function campaignUpdates({ terminal }: CommandContext): Command {
  return addAccessOptions(new Command("updates"))
    .description("list the updates of a campaign's rounds with their norms")
    .argument("<campaign>", "the campaign's id")
    .option("--round <round>", "of this round alone, counted from 1 (default all)", positive)
    .option("--json", "print them as JSON, rounds counted from 0")
    .addHelpText("after", "\nExample:\n  $ npm run scour -- campaign updates c-… --round 8")
    .action(async (campaign: string, { round, json, ...access }: UpdatesOptions) => {
      const admin = openAdminClient(access, terminal);
      const updates = await admin.updates(campaign, round === undefined ? undefined : round - 1);
      terminal.result(updates, json, () => updateTable(updates));
    });
}

/** A line an update; those that were scaled down are marked. */
export function updateTable(updates: readonly UpdateReport[]): string {
  if (updates.length === 0) return "No updates yet.";
  return textTable([
    ["round", "attempt", "participant", "weight", "norm", "taken", "statistics", "taken", ""],
    ...updates.map(({ round, attempt, participant, weight, size }) => [
      String(round + 1),
      String(attempt + 1),
      participant,
      String(weight),
      normText(size?.norm),
      percent(size?.factor),
      normText(size?.statisticsNorm),
      percent(size?.statisticsFactor),
      size !== null && isClipped(size) ? "clipped" : "",
    ]),
  ]);
}
