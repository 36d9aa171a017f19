import { NETWORK_SETTINGS } from "../../client/cli/settings/network.ts";
import { settingChoices } from "../../client/cli/settings/setting-options.ts";
import { FAMILIES } from "../../protocol/model/architectures/families.ts";
import { SIZES } from "../../protocol/model/graph.ts";
import { markdownTable } from "../markdown-table.ts";

const HEAD = `# Models

Written by \`npm run models\` from \`protocol/model/architectures/\`; change those. A model is recognised from the names and shapes of its tensors, at any width and with two classes or more, for square images of ${SIZES.least} to ${SIZES.most} pixels a side, one channel or three. What all names begin with (\`module.\`, \`model.\`) plays no part. What does not fit is named, with the closest of these. Files that bring their network themselves are in [FORMATS.md](FORMATS.md).
`;

const ASKED = `## What tensors do not tell

Two networks may have the same tensors and answer otherwise. What is usual is taken and said where files of a kind are of one form; else the answer is required. A file may give it itself, as JSON of these keys under \`scour.network\` in its metadata.
`;

/** docs/MODELS.md: every family with its members and whose files are known. */
export function modelsDocument(): string {
  const families = markdownTable([
    ["family", "members", "with the names of"],
    ...FAMILIES.map(({ forms, members, title }) => [
      title,
      members.join("; "),
      forms.map(({ origin }) => origin).join("; "),
    ]),
  ]);
  const asked = markdownTable([
    ["flag", "key", "what it is"],
    ...NETWORK_SETTINGS.settings.map((setting) => {
      const choices = settingChoices(setting) ?? [];
      const words = choices.map((word) => `\`${word}\``).join(", ");
      return [
        `\`${setting.flag}\``,
        `\`${setting.path.replace("network.", "")}\``,
        setting.help + (words && `; ${words}`),
      ];
    }),
  ]);
  return [HEAD, families, ASKED, asked].join("\n");
}
