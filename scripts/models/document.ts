import { NETWORK_SETTINGS } from "../../client/cli/settings/network.ts";
import { settingChoices } from "../../client/cli/settings/setting-options.ts";
import { FAMILIES } from "../../protocol/model/architectures/families.ts";
import { FOLDS } from "../../protocol/formats/onnx/operations/folding.ts";
import { OPERATIONS } from "../../protocol/formats/onnx/operations/operations.ts";
import { SEQUENCES } from "../../protocol/formats/onnx/operations/sequences.ts";
import { SIZES } from "../../protocol/model/graph.ts";
import { markdownTable } from "../markdown-table.ts";

const HEAD = `# Models

Written by \`npm run models\` from \`protocol/model/architectures/\`; change those. A model is recognised from the names and shapes of its tensors, at any width and with two classes or more, for square images of ${SIZES.least} to ${SIZES.most} pixels a side, one channel or three. What all names begin with (\`module.\`, \`model.\`) plays no part. What does not fit is named, with the closest of these. Files that bring their network themselves are in [FORMATS.md](FORMATS.md).
`;

const ASKED = `## What tensors do not tell

Two networks may have the same tensors and answer otherwise. What is usual is taken and said where files of a kind are of one form; else the answer is required. A file may give it itself, as JSON of these keys under \`scour.network\` in its metadata.
`;

const ONNX = `## ONNX

An ONNX file (opset 9 to 21) brings its network: nothing is recognised, and any of these operations will do, in the forms that classifiers have. A node that does not fit is named. What becomes of each value by itself may be written in any way that gives an activation of Scour's: ReLU, ReLU6, leaky ReLU, ELU, sigmoid, tanh, SiLU, hard sigmoid, hard swish, GELU.
`;

/** Names of operations, in the order of the alphabet. */
function operationNames(names: Iterable<string>): string {
  return [...names]
    .sort()
    .map((name) => `\`${name}\``)
    .join(", ");
}

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
  const drawn = [...OPERATIONS.keys()];
  const folded = Object.keys(FOLDS).filter((name) => !OPERATIONS.has(name));
  const operations = `Of networks: ${operationNames(drawn)}.\n\nOf numbers that are known beforehand, such as shapes, besides: ${operationNames([...folded, "Constant", "If", "Loop", ...SEQUENCES])}.\n`;
  return [HEAD, families, ASKED, asked, ONNX, operations].join("\n");
}
