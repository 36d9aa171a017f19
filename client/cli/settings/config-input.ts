import { defaultAt } from "./defaults.ts";
import { SCHEMA_UNIONS } from "./schema-leaves.ts";
import type { Given } from "./setting-options.ts";
import type { Setting } from "./setting.ts";
import { offPath, valuePaths } from "./table.ts";

type Json = Record<string, unknown>;

/**
 * The part of a campaign's configuration that the settings given say; what they leave open stays out,
 * so that the coordinator's defaults hold. Of what is of one of several kinds the kind is always said.
 */
export function configInput(given: Given): Readonly<Json> {
  const config: Json = {};
  const values = [...given].flatMap(([setting, value]) => valuesOf(setting, value));
  // What lies around goes first, so that `on` does not take away what is said of its parts.
  for (const [path, value] of values.toSorted(([a], [b]) => a.length - b.length)) {
    put(config, path.split("."), value);
  }
  for (const { path, key } of SCHEMA_UNIONS) {
    const part = path
      .split(".")
      .reduce<unknown>((at, step) => (at as Json | undefined)?.[step], config);
    if (part !== undefined) (part as Json)[key] ??= defaultAt(`${path}.${key}`);
  }
  return config;
}

/** Paths of the configuration with their values, as one setting says them. */
function valuesOf(setting: Setting, given: unknown): readonly (readonly [string, unknown])[] {
  if (!("reads" in setting)) return [[setting.path, setting.sets]];
  const off = offPath(setting);
  if (off !== undefined && given === "off") return [[off, null]];
  if (setting.reads === "on-off") return [[setting.path, {}]];
  const paths = valuePaths(setting);
  if (!("keys" in setting)) return [[setting.path, given]];
  return paths.map((path, index) => [path, (given as readonly unknown[])[index]]);
}

function put(config: Json, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) config[key] = value;
  else put((config[key] ??= {}) as Json, rest, value);
}
