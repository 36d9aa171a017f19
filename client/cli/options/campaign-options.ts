import type { Command } from "commander";
import {
  campaignConfigSchema,
  type CampaignConfigInput,
} from "../../../protocol/round/campaign-config.ts";
import { OptionError } from "../option-error.ts";
import { configInput } from "../settings/config-input.ts";
import { misplacement } from "../settings/misplaced.ts";
import { givenSettings, optionOf, type OtherDefaults } from "../settings/setting-options.ts";
import { SETTING_GROUPS, settingAround } from "../settings/table.ts";

const ALL_OPTIONS = "`campaign create --help` lists all options.";

/**
 * Adds the options that define a campaign. Commander gets no defaults, only the words: the coordinator
 * fills in its own.
 */
export function addCampaignOptions(command: Command, others: OtherDefaults = {}): Command {
  for (const { settings, title } of SETTING_GROUPS) {
    for (const setting of settings) {
      command.addOption(optionOf(setting, others).helpGroup(`${title}:`));
    }
  }
  return command;
}

/**
 * The configuration that the options describe; what is left out stays out, so that the coordinator's
 * defaults hold.
 *
 * @param options as commander reads them; those of other things are left alone.
 * @param model digest of the model's file.
 * @throws OptionError naming the flag that is misplaced or out of range. Whether what the model was trained
 *   with is said, `preprocessed` tells.
 */
export function campaignConfig(options: object, model: string): CampaignConfigInput {
  const given = givenSettings(options);
  const misplaced = misplacement(given);
  if (misplaced !== undefined) throw new OptionError(misplaced, ALL_OPTIONS);
  const config = { model, ...configInput(given) };
  const parsed = campaignConfigSchema.safeParse(config);
  if (parsed.success) return config as CampaignConfigInput;
  const complaints = parsed.error.issues.map(({ message, path }) => {
    const keys = path.filter((key) => typeof key === "string");
    return `${settingAround(keys)?.flag ?? keys.join(".")}: ${message}`;
  });
  throw new OptionError(complaints.join("; "), ALL_OPTIONS);
}
