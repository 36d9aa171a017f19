/** A table as the formatter leaves it: each column as wide as its widest cell. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((one) => one.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((one) => one[column]!.length)));
  const line = (one: readonly string[]) =>
    `| ${one.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |\n`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  const [head, ...body] = cells.map(line);
  return [head, rule, ...body].join("");
}
