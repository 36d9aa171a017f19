import { NETWORK_SETTINGS } from "./network.ts";
import { PREPROCESSING_SETTINGS } from "./preprocessing.ts";
import { givenSettings } from "./setting-options.ts";
import type { Setting } from "./setting.ts";

/**
 * What was said of a model on the command line, as it can be said again; empty where nothing was.
 *
 * @param options as commander reads them
 */
export function modelFlags(options: object): string {
  const concerned = new Set([...NETWORK_SETTINGS.settings, ...PREPROCESSING_SETTINGS.settings]);
  return [...givenSettings(options)]
    .filter(([setting]) => concerned.has(setting))
    .map(([setting, value]) => flagText(setting, value))
    .join(" ");
}

function flagText(setting: Setting, value: unknown): string {
  if (!("reads" in setting)) return setting.flag;
  if (typeof value === "boolean") return `${setting.flag} ${value ? "on" : "off"}`;
  return `${setting.flag} ${quoted(String(value))}`;
}

/** A word of a command line, in quotes where a shell would read it otherwise. */
export function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
