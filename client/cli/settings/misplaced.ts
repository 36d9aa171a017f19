import { defaultAt } from "./defaults.ts";
import type { SchemaUnion } from "./schema-leaves.ts";
import { leafOf, type Given } from "./setting-options.ts";
import type { Setting } from "./setting.ts";
import { offPath, SETTINGS, settingAt } from "./table.ts";

/**
 * Why the settings given do not go together, after the flag that is out of place; undefined when they
 * do: one that means nothing without another, or with its kind of a strategy, rule or optimiser, or
 * with what it is part of switched off, or that this kind needs and lacks.
 *
 * @example
 * misplacement(given); // "--clip-norm needs --rule norm-clipped-mean"
 */
export function misplacement(given: Given): string | undefined {
  for (const setting of SETTINGS) {
    const why = given.has(setting) ? whyNot(setting, given) : whyMissing(setting, given);
    if (why !== undefined) return `${setting.flag} ${why}`;
  }
  return undefined;
}

function whyNot(setting: Setting, given: Given): string | undefined {
  const { needs, misplaced = "needs {kinds}" } = setting;
  const refuse = (kinds: string, is: string) =>
    misplaced.replace("{kinds}", kinds).replace("{given}", is);
  if (needs !== undefined) {
    const other = settingAt(needs.path)!;
    if (given.get(other) !== needs.is) return refuse(`${other.flag} ${needs.is}`, other.flag);
  }
  const { union, variants } = leafOf(setting);
  if (union !== undefined) {
    const { flag, kind } = kindOf(union, given);
    const kinds = variants.map((variant) => variant.kind!);
    if (!kinds.includes(kind)) return refuse(`${flag} ${oneOf(kinds)}`, `${flag} ${kind}`);
  }
  for (const [other, value] of given) {
    const off = value === "off" ? offPath(other) : undefined;
    if (other !== setting && off !== undefined && setting.path.startsWith(`${off}.`)) {
      return `means nothing with ${other.flag} off`;
    }
  }
  return undefined;
}

function whyMissing(setting: Setting, given: Given): string | undefined {
  const { union, variants } = leafOf(setting);
  if (union === undefined) return undefined;
  const { flag, kind } = kindOf(union, given);
  const its = variants.find((variant) => variant.kind === kind);
  return its?.required === true ? `is needed with ${flag} ${kind}` : undefined;
}

/** The kind that was given, or the schema's default, and the flag that gives it. */
function kindOf({ path, key }: SchemaUnion, given: Given): { flag: string; kind: string } {
  const setting = settingAt(`${path}.${key}`);
  if (setting === undefined) throw new Error(`no flag gives ${path}.${key}`);
  return { flag: setting.flag, kind: String(given.get(setting) ?? defaultAt(setting.path)) };
}

function oneOf(words: readonly string[]): string {
  return words.length === 1 ? words[0]! : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
