import { ADVERSARY_SETTINGS } from "./adversary.ts";
import { AGGREGATION_SETTINGS } from "./aggregation.ts";
import { CAMPAIGN_SETTINGS } from "./campaign.ts";
import { DISTILLATION_SETTINGS } from "./distillation.ts";
import { FIT_SETTINGS } from "./fit.ts";
import { JUDGING_SETTINGS } from "./judging.ts";
import { NETWORK_SETTINGS } from "./network.ts";
import { PREPROCESSING_SETTINGS } from "./preprocessing.ts";
import { PRIVACY_SETTINGS } from "./privacy.ts";
import { REINIT_SETTINGS } from "./reinit.ts";
import { ROUND_SETTINGS } from "./round.ts";
import { TRIAL_SETTINGS } from "./trial.ts";
import type { Setting, SettingGroup } from "./setting.ts";

/** All settings that have a flag, in the order in which they are shown. */
export const SETTING_GROUPS: readonly SettingGroup[] = [
  CAMPAIGN_SETTINGS,
  NETWORK_SETTINGS,
  PREPROCESSING_SETTINGS,
  REINIT_SETTINGS,
  DISTILLATION_SETTINGS,
  ADVERSARY_SETTINGS,
  FIT_SETTINGS,
  JUDGING_SETTINGS,
  ROUND_SETTINGS,
  AGGREGATION_SETTINGS,
  TRIAL_SETTINGS,
  PRIVACY_SETTINGS,
];

export const SETTINGS: readonly Setting[] = SETTING_GROUPS.flatMap(({ settings }) => settings);

/** The setting of exactly this path. */
export function settingAt(path: string): Setting | undefined {
  return SETTINGS.find((setting) => setting.path === path);
}

/**
 * The setting that a value of the configuration comes from: that of its path or the nearest one around
 * it, or of what it holds.
 */
export function settingAround(path: readonly string[]): Setting | undefined {
  const whole = path.join(".");
  for (let length = path.length; length > 0; length--) {
    const at = path.slice(0, length).join(".");
    const found =
      SETTINGS.find((setting) => setting.path === at || offPath(setting) === at) ??
      (at === whole ? SETTINGS.find((setting) => setting.path.startsWith(`${at}.`)) : undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What the setting's `off` makes null. */
export function offPath(setting: Setting): string | undefined {
  if (!("reads" in setting)) return undefined;
  if (setting.reads === "on-off") return setting.path;
  return "off" in setting ? setting.off : undefined;
}

/** The paths of the schema's values that the setting gives. */
export function valuePaths(setting: Setting): readonly string[] {
  const keys = "keys" in setting ? setting.keys : undefined;
  return keys?.map((key) => `${setting.path}.${key}`) ?? [setting.path];
}
