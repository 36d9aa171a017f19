import type { Command } from "commander";
import type { CampaignConfig } from "../../../protocol/round/campaign-config.ts";
import { preprocessingSchema } from "../../../protocol/round/preprocessing.ts";
import { configInput } from "../settings/config-input.ts";
import { PREPROCESSING_SETTINGS } from "../settings/preprocessing.ts";
import { givenSettings, optionOf, type OtherDefaults } from "../settings/setting-options.ts";
import { settingAround } from "../settings/table.ts";
import { OptionError } from "../option-error.ts";

/** Adds the options that say how a model was trained to see pictures, as `campaign create` has them. */
export function addPreprocessingOptions(command: Command, others: OtherDefaults = {}): Command {
  const { settings, title } = PREPROCESSING_SETTINGS;
  for (const setting of settings)
    command.addOption(optionOf(setting, others).helpGroup(`${title}:`));
  return command;
}

/** What they say. @throws OptionError naming the flag that is out of range. */
export function givenPreprocessing(options: object): CampaignConfig["preprocessing"] {
  const { preprocessing = {} } = configInput(givenSettings(options));
  const parsed = preprocessingSchema.safeParse(preprocessing);
  if (parsed.success) return parsed.data;
  const [{ message, path }] = parsed.error.issues as [(typeof parsed.error.issues)[number]];
  const flag = settingAround(["preprocessing", ...path.map(String)])?.flag;
  throw new OptionError(`${flag ?? path.join(".")}: ${message}`);
}
