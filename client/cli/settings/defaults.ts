import { campaignConfigSchema } from "../../../protocol/round/campaign-config.ts";
import type { SchemaLeaf } from "./schema-leaves.ts";

/** A configuration with all defaults. */
const DEFAULTS: unknown = campaignConfigSchema.parse({
  model: "0".repeat(64),
});

/** What a path of the configuration is by default; null where something around it is null or left out. */
export function defaultAt(path: string): unknown {
  let value = DEFAULTS;
  for (const key of path.split(".")) {
    if (value === undefined) return null;
    if (typeof value !== "object" || value === null) return value;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return value;
}

/** A value as it is written on the command line; undefined for none. */
function valueText(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (value === null) return "off";
  return typeof value === "object" ? Object.values(value).map(String).join(",") : String(value);
}

/**
 * What holds of a value that is left out, by kind where that makes a difference: the schema's default,
 * or else `unset`. Undefined where it is required.
 *
 * @example
 * defaultText(SCHEMA_LEAVES.get("aggregation.server.learningRate")!); // "1; adam, yogi 0.01"
 */
export function defaultText(leaf: SchemaLeaf, unset?: string): string | undefined {
  const { path, union, variants } = leaf;
  const value = defaultAt(path);
  // Beneath what is off by default, nothing is required.
  if (value !== null && variants.every(({ required }) => required)) return undefined;
  if (union === undefined) {
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? "on"
      : (valueText(value) ?? unset);
  }
  const kindsByText = new Map<string, string[]>();
  for (const variant of variants) {
    const text = valueText(variant.value) ?? unset ?? "";
    kindsByText.set(text, [...(kindsByText.get(text) ?? []), variant.kind!]);
  }
  return [...kindsByText]
    .map(([text, kinds], index) => (index === 0 ? text : `${kinds.join(", ")} ${text}`))
    .join("; ");
}
