import { CommandError } from "../../../client/cli/command-error.ts";
import {
  campaignConfigSchema,
  type CampaignConfig,
  type CampaignConfigInput,
} from "../../../protocol/round/campaign-config.ts";

/** `--set path=value`, as a patch. */
export interface Setting {
  /** As it was given. */
  readonly text: string;
  readonly path: readonly string[];
  readonly patch: Readonly<Record<string, unknown>>;
}

/**
 * Reads `path=value`, value being JSON or else a word.
 *
 * @throws CommandError when it is not of this form.
 *
 * @example
 * parseSetting("distillation.adversary.weight=1").patch; // { distillation: { adversary: { weight: 1 } } }
 */
export function parseSetting(text: string): Setting {
  const [, path, written] = /^([\w.]+)=(.*)$/s.exec(text) ?? [];
  const keys = path?.split(".") ?? [];
  if (written === undefined || keys.length === 0 || keys.includes("")) {
    throw new CommandError(
      `--set ${text}: it must be path=value`,
      "For instance --set distillation.rounds=40 or --set reinit.strength=auto.",
    );
  }
  const patch = keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), valueOf(written));
  return { text, path: keys, patch: patch as Setting["patch"] };
}

function valueOf(written: string): unknown {
  try {
    return JSON.parse(written);
  } catch {
    return written;
  }
}

/**
 * Lays a strategy's patch over a configuration, then settings one after another: objects are merged
 * key by key, anything else takes the place of what was there.
 *
 * @returns the configuration to create a campaign with, and what it comes to with all defaults.
 * @throws CommandError naming each value that campaigns do not take, or the setting that reaches into
 *   what is switched off.
 */
export function patchedConfig(
  base: CampaignConfigInput,
  strategy: { readonly name: string; readonly patch: Setting["patch"] },
  settings: readonly Setting[],
): { readonly input: CampaignConfigInput; readonly config: CampaignConfig } {
  const chosen = merge(base, strategy.patch);
  let merged = chosen;
  for (const setting of settings) {
    const off = switchedOff(merged, setting.path);
    if (off !== undefined) {
      const byStrategy = switchedOff(chosen, setting.path) !== undefined;
      const by = byStrategy ? `the strategy ${strategy.name}` : "an earlier --set";
      throw new CommandError(
        `--set ${setting.text}: ${by} switches ${off} off (null)`,
        byStrategy
          ? `Leave ${strategy.name} out of --strategies, or put --set ${off}={} before it, which switches it on with its defaults.`
          : "Leave one of the two out.",
      );
    }
    merged = merge(merged, setting.patch);
  }
  const parsed = campaignConfigSchema.safeParse(merged);
  if (!parsed.success) {
    const complaints = parsed.error.issues.map(
      ({ path, message }) => `${path.join(".") || "the configuration"}: ${message}`,
    );
    throw new CommandError(
      `${strategy.name} with --set is no campaign: ${complaints.join("; ")}`,
      "--set takes paths of a campaign's configuration, such as distillation.learningRate=0.05; docs/SETTINGS.md lists them.",
    );
  }
  return { input: merged as CampaignConfigInput, config: parsed.data };
}

/** The path, as far as to a null that a setting would silently replace; undefined without one. */
function switchedOff(config: unknown, path: readonly string[]): string | undefined {
  let value = config;
  for (const [index, key] of path.slice(0, -1).entries()) {
    if (!isObject(value)) return undefined;
    value = value[key];
    if (value === null) return path.slice(0, index + 1).join(".");
  }
  return undefined;
}

function merge(base: unknown, patch: unknown): unknown {
  if (!isObject(base) || !isObject(patch)) return patch;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(patch)) merged[key] = merge(merged[key], value);
  return merged;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
