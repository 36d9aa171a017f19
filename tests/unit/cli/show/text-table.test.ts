import { expect, it } from "vitest";
import { textTable } from "../../../../client/cli/show/text-table.ts";

it("aligns columns as a terminal shows them: wide characters take two places", () => {
  const rows = [
    ["name", "loss"],
    ["研究室", "0.1"],
    ["é", "0.2"],
    ["🔬", "0.3"],
  ];
  expect(textTable(rows).split("\n")).toEqual([
    "name    loss",
    "研究室  0.1",
    "é       0.2",
    "🔬      0.3",
  ]);
});

it("lets no cell pass for another row", () => {
  expect(textTable([["a\nb"], ["c"]]).split("\n")).toHaveLength(2);
});
