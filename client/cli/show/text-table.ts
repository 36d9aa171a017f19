import stringWidth from "string-width";
import { cleanText } from "../../../protocol/text.ts";

/**
 * Lays rows out in columns as wide as a terminal shows them, the first row as heading; numbers are
 * aligned by whoever formats them. A cell may hold what a stranger wrote: it is cleaned, so that it cannot pass for another row.
 *
 * @example
 * textTable([["round", "loss"], ["0", "0.412"]]);
 */
export function textTable(cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map(oneLine));
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, stringWidth(cell));
    });
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell + " ".repeat(widths[column]! - stringWidth(cell)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Leading space is layout of our own. */
function oneLine(cell: string): string {
  const indent = /^ */.exec(cell)![0];
  return indent + cleanText(cell);
}
