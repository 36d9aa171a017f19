import { Option } from "commander";
import { defaultText } from "./defaults.ts";
import { SCHEMA_LEAVES, type SchemaLeaf } from "./schema-leaves.ts";
import { offPath, SETTINGS, settingAt, valuePaths } from "./table.ts";
import type { Setting } from "./setting.ts";

/** Defaults that a command has in place of the schema's, in words, by path. */
export type OtherDefaults = { readonly [Path in Setting["path"]]?: string };

/** What the schema says of the setting's value: of the first, where it has several. */
export function leafOf(setting: Setting): SchemaLeaf {
  const [path] = valuePaths(setting);
  const leaf = SCHEMA_LEAVES.get(path!);
  if (leaf === undefined) throw new Error(`${setting.flag}: the schema has no value ${path}`);
  return leaf;
}

/** The default as it would be given on the command line; undefined where the setting is required. */
export function settingDefault(setting: Setting): string | undefined {
  const leaves = valuePaths(setting).map((path) => SCHEMA_LEAVES.get(path)!);
  const texts = leaves.map((leaf) => defaultText(leaf, setting.unset));
  return texts.includes(undefined) ? undefined : texts.join(",");
}

/** What the setting is only for, such as `strength auto` or `norm-clipped-mean`; empty for any. */
export function settingScope(setting: Setting): string {
  const { needs } = setting;
  if (needs !== undefined) return `${settingAt(needs.path)!.flag.slice(2)} ${needs.is}`;
  return leafScope(leafOf(setting));
}

/** The kinds that have the value, where not all do; else empty. */
export function leafScope({ union, variants }: SchemaLeaf): string {
  if (union === undefined || variants.length === union.kinds.length) return "";
  return variants.map(({ kind }) => kind).join(", ");
}

/** The words that the schema lets choose from; undefined where any text is read by itself. */
export function settingChoices(setting: Setting): readonly string[] | undefined {
  if (!("reads" in setting)) return undefined;
  if (setting.reads === "on-off") return ["on", "off"];
  if (setting.reads !== "choice") return undefined;
  const { choices } = leafOf(setting);
  if (choices === undefined) throw new Error(`${setting.path} is no choice between words`);
  return choices;
}

/** A setting as an option of commander's. */
export function optionOf(setting: Setting, others: OtherDefaults = {}): Option {
  const scope = settingScope(setting);
  const standing = "sets" in setting ? undefined : settingDefault(setting);
  const otherwise = others[setting.path] ?? standing;
  const help = `${scope && `${scope}: `}${setting.help}${otherwise === undefined ? "" : ` (default ${otherwise})`}`;
  if (!("reads" in setting)) return new Option(setting.flag, help);
  const option = new Option(`${setting.flag} ${setting.argument}`, help);
  const choices = settingChoices(setting);
  if (choices !== undefined) return option.choices(choices);
  const { reads } = setting;
  if (typeof reads !== "function") return option;
  const takesOff = offPath(setting) !== undefined;
  return option.argParser((text: string) => (takesOff && text === "off" ? text : reads(text)));
}

/** What was given on the command line, as it was read. */
export type Given = ReadonlyMap<Setting, unknown>;

/** Picks the settings out of options as commander reads them. */
export function givenSettings(options: object): Given {
  const given = new Map<Setting, unknown>();
  for (const setting of SETTINGS) {
    const option = optionOf(setting);
    const value: unknown = Reflect.get(options, option.attributeName());
    // `--no-flip` is there as `flip`, which is true when it is not given.
    if (value === undefined || (option.negate && value === true)) continue;
    given.set(setting, value);
  }
  return given;
}
