import { API_ONLY } from "../../client/cli/settings/api-only.ts";
import { defaultText } from "../../client/cli/settings/defaults.ts";
import { SCHEMA_LEAVES } from "../../client/cli/settings/schema-leaves.ts";
import {
  leafScope,
  settingChoices,
  settingDefault,
  settingScope,
} from "../../client/cli/settings/setting-options.ts";
import { markdownTable as table } from "../markdown-table.ts";
import type { Setting } from "../../client/cli/settings/setting.ts";
import { SETTING_GROUPS } from "../../client/cli/settings/table.ts";

const HEAD = `# Settings of a campaign

Written by \`npm run settings\` from \`client/cli/settings/\` and the schema in \`protocol/round/\`; change those. \`campaign create\` and \`simulate\` take the flags (\`simulate\` waits for all participants, a day at most, unless \`--goal\` and \`--deadline\` say otherwise), \`bench:cleanse --set\` and the API the paths. What settings are for: [OPERATING.md](OPERATING.md).
`;

/** docs/SETTINGS.md: every setting with its flag, path, default and meaning. */
export function settingsDocument(): string {
  const groups = SETTING_GROUPS.map(
    ({ settings, title }) =>
      `## ${title}\n\n${table([["flag", "path", "default", "what it is"], ...settings.map(row)])}`,
  );
  const apiOnly = API_ONLY.map(({ help, path, unset, why }) => {
    const leaf = SCHEMA_LEAVES.get(path)!;
    return [code(path), defaultText(leaf, unset) ?? "required", scoped(leafScope(leaf), help), why];
  });
  const rest = table([["path", "default", "what it is", "why it has no flag"], ...apiOnly]);
  return [HEAD, ...groups, `## Without a flag\n\n${rest}`].join("\n");
}

function row(setting: Setting): string[] {
  const choices = "reads" in setting && setting.reads === "choice" ? settingChoices(setting) : [];
  const words = choices!.map(code).join(", ");
  return [
    code("argument" in setting ? `${setting.flag} ${setting.argument}` : setting.flag),
    code(setting.path),
    settingDefault(setting) ?? "required",
    scoped(settingScope(setting), setting.help) + (words && `; ${words}`),
  ];
}

function scoped(scope: string, help: string): string {
  return scope === "" ? help : `${scope}: ${help}`;
}

function code(text: string): string {
  return `\`${text}\``;
}
