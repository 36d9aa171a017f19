import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import {
  addCampaignOptions,
  campaignConfig,
} from "../../../../client/cli/options/campaign-options.ts";
import { API_ONLY } from "../../../../client/cli/settings/api-only.ts";
import { defaultAt } from "../../../../client/cli/settings/defaults.ts";
import { SCHEMA_LEAVES, SCHEMA_UNIONS } from "../../../../client/cli/settings/schema-leaves.ts";
import {
  leafOf,
  optionOf,
  settingDefault,
  type OtherDefaults,
} from "../../../../client/cli/settings/setting-options.ts";
import { offPath, settingAt, SETTINGS, valuePaths } from "../../../../client/cli/settings/table.ts";
import { campaignConfigSchema } from "../../../../protocol/round/campaign-config.ts";
import { settingsDocument } from "../../../../scripts/settings/document.ts";

const MODEL = "ab".repeat(32);
const PIXELS = ["--mean", ".5,.5,.5", "--std", ".25,.25,.25"];

function parsed(...args: string[]) {
  const command = addCampaignOptions(new Command()).exitOverride();
  command.parse([...PIXELS, ...args], { from: "user" });
  return campaignConfigSchema.parse(campaignConfig(command.opts(), MODEL));
}

function helpOf(flag: string, others?: OtherDefaults): string {
  return optionOf(
    SETTINGS.find((setting) => setting.flag === flag)!,
    others,
  ).description;
}

const described = SETTINGS.map((setting) => [setting.flag, setting] as const);

describe("the table of settings", () => {
  it("has a flag for all that the schema has, or a reason in api-only.ts", () => {
    const listed = [
      ...SETTINGS.flatMap((setting) => [
        ...new Set([...valuePaths(setting), ...[offPath(setting) ?? []].flat()]),
      ]),
      ...API_ONLY.map(({ path }) => path),
    ];
    const leaves = [...SCHEMA_LEAVES.keys()];
    expect(leaves.filter((path) => !listed.includes(path))).toEqual([]);
    expect(listed.toSorted()).toEqual(leaves.toSorted());
  });

  it("has every flag once", () => {
    expect(new Set(SETTINGS.map(({ flag }) => flag)).size).toBe(SETTINGS.length);
  });

  it("has a flag for the kind of all that is of one of several kinds", () => {
    const kinds = SCHEMA_UNIONS.map(({ key, path }) => `${path}.${key}`);
    expect(kinds).toContain("reinit.strategy.kind");
    expect(kinds.filter((path) => settingAt(path) === undefined)).toEqual([]);
  });

  it.each([...SETTINGS, ...API_ONLY].map((setting) => [setting.path, setting] as const))(
    "%s says what holds without it where the schema does not, and nowhere else",
    (path, { unset }) => {
      const setting = settingAt(path);
      const leaf = setting === undefined ? SCHEMA_LEAVES.get(path)! : leafOf(setting);
      const open =
        leaf.union === undefined
          ? defaultAt(leaf.path) === undefined
          : leaf.variants.some(({ required, value }) => !required && value === undefined);
      expect(unset !== undefined).toBe(open);
    },
  );

  it.each(described)("%s refers to settings that there are", (_flag, { misplaced, needs }) => {
    if (needs !== undefined) expect(settingAt(needs.path)).toBeDefined();
    if (misplaced !== undefined) expect(misplaced).toMatch(/\{(kinds|given)\}/);
  });

  it.each(
    described.filter(
      ([, setting]) =>
        "reads" in setting &&
        setting.needs === undefined &&
        setting.unset === undefined &&
        leafOf(setting).union === undefined &&
        // Whoever names a strategy wants something re-initialised: its strength is then 1.
        setting.path !== "reinit.strategy.kind" &&
        !["off", undefined].includes(settingDefault(setting)),
    ),
  )("%s given with the default that its help names changes nothing", (flag, setting) => {
    expect(parsed(`${flag}=${settingDefault(setting)}`)).toEqual(parsed());
  });
});

describe("help", () => {
  it.each([
    ["--learning-rate", /cosine schedule \(default sgd 0\.03, adamw 0\.0005\)$/],
    ["--temperature", /\(default 1,4\)$/],
    ["--server-learning-rate", /\(default 1; adam, yogi 0\.01\)$/],
    ["--head-ratio", /^layerwise, lipschitz, bn-divergence, head: .*\(default 0\.1; head 1\)$/],
    ["--outliers", /^lipschitz, bn-divergence: .*\(default 3\)$/],
    ["--probe-rounds", /^strength auto: .*\(default 4\)$/],
    ["--adversary-bends", /\(default 3\)$/],
    ["--adversary", /\(default on\)$/],
    ["--sam", /\(default off\)$/],
    ["--minimum", /\(default half the goal\)$/],
    ["--mean", /^pixel mean it was trained with.*\(default its family's, where all are alike\)$/],
  ])("of %s has the schema's default", (flag, text) => {
    expect(helpOf(flag)).toMatch(text);
  });

  it("has the default of a command that has another", () => {
    expect(helpOf("--goal", { "round.goal": "all participants" })).toMatch(
      /\(default all participants\)$/,
    );
  });
});

it("docs/SETTINGS.md is what `npm run settings` writes", async () => {
  const url = new URL("../../../../docs/SETTINGS.md", import.meta.url);
  expect(await readFile(url, "utf8")).toBe(settingsDocument());
});
