import type { Command } from "commander";
import {
  networkSettingsSchema,
  type NetworkSettings,
} from "../../../protocol/model/network-settings.ts";
import { configInput } from "../settings/config-input.ts";
import { NETWORK_SETTINGS } from "../settings/network.ts";
import { givenSettings, optionOf } from "../settings/setting-options.ts";
import { OptionError } from "../option-error.ts";

/** Adds the options that answer what a model's tensors do not tell. */
export function addNetworkOptions(command: Command): Command {
  for (const setting of NETWORK_SETTINGS.settings) {
    command.addOption(optionOf(setting).helpGroup(`${NETWORK_SETTINGS.title}:`));
  }
  return command;
}

/**
 * The answers that were given.
 *
 * @param options as commander reads them; those of other things are left alone.
 * @throws OptionError naming the flag that is out of range.
 */
export function networkOf(options: object): NetworkSettings {
  const answers = new Map(
    [...givenSettings(options)].filter(([setting]) => NETWORK_SETTINGS.settings.includes(setting)),
  );
  const parsed = networkSettingsSchema.safeParse(configInput(answers)["network"] ?? {});
  if (parsed.success) return parsed.data;
  const complaints = parsed.error.issues.map(({ message, path }) => {
    const at = `network.${path.join(".")}`;
    const setting = NETWORK_SETTINGS.settings.find((one) => one.path === at);
    return `${setting?.flag ?? at}: ${message}`;
  });
  throw new OptionError(complaints.join("; "));
}
