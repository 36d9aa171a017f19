import { Command } from "commander";
import { expect, it, vi } from "vitest";
import { z } from "zod";
import {
  addCampaignOptions,
  campaignConfig,
} from "../../../../client/cli/options/campaign-options.ts";
import { campaignConfigSchema } from "../../../../protocol/round/campaign-config.ts";
import { settingsDocument } from "../../../../scripts/settings/document.ts";

// All that is written of a new setting: a line of the schema …
vi.mock("../../../../protocol/round/campaign-config.ts", async (original) => {
  const module = await original<{ campaignConfigSchema: z.ZodObject }>();
  const made = { patience: z.number().int().min(1).max(9).default(3) };
  return { ...module, campaignConfigSchema: module.campaignConfigSchema.safeExtend(made) };
});

// … and an entry of the table.
vi.mock("../../../../client/cli/settings/campaign.ts", async (original) => {
  const { CAMPAIGN_SETTINGS } = await original<{
    CAMPAIGN_SETTINGS: { readonly title: string; readonly settings: readonly object[] };
  }>();
  const made = {
    path: "patience",
    flag: "--patience",
    argument: "<n>",
    reads: Number,
    help: "how often it asks again",
  };
  const settings = [...CAMPAIGN_SETTINGS.settings, made];
  return { CAMPAIGN_SETTINGS: { ...CAMPAIGN_SETTINGS, settings } };
});

function configOf(...more: string[]) {
  const command = addCampaignOptions(new Command()).exitOverride();
  command.parse(["--mean", ".5,.5,.5", "--std", ".25,.25,.25", ...more], { from: "user" });
  return campaignConfig(command.opts(), "ab".repeat(32));
}

it("has its flag, help, default and refusal from a line of the schema and an entry of the table", () => {
  const help = addCampaignOptions(new Command()).helpInformation().replaceAll(/\s+/g, " ");
  expect(help).toContain("--patience <n> how often it asks again (default 3)");
  expect(configOf()).not.toHaveProperty("patience");
  expect(campaignConfigSchema.parse(configOf())).toMatchObject({ patience: 3 });
  expect(configOf("--patience", "7")).toMatchObject({ patience: 7 });
  expect(() => configOf("--patience", "10")).toThrow(/^--patience: /);
});

it("stands in the document of settings", () => {
  const row = settingsDocument()
    .split("\n")
    .find((line) => line.includes("--patience"))!;
  expect(row.split("|").map((cell) => cell.trim())).toEqual([
    "",
    "`--patience <n>`",
    "`patience`",
    "3",
    "how often it asks again",
    "",
  ]);
});
