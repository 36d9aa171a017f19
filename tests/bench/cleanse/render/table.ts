import { lines, markup, type Markup } from "../../../../client/demo/markup.ts";

/** A table of the report, for Markdown and HTML alike. */
export interface Table {
  readonly title: string;
  /** Sentences that say what it shows. */
  readonly caption: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Columns are padded, so that the file reads as text, too. */
export function markdownTable({ head, rows }: Table): string {
  const cells = [head, ...rows].map((row) => row.map((text) => text.replaceAll("|", "\\|")));
  const widths = head.map((_, column) =>
    Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? "").padEnd(width)).join(" | ")} |`;
  const [first, ...rest] = cells;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(first ?? []), rule, ...rest.map(line)].join("\n");
}

export function htmlTable({ head, rows }: Table): Markup {
  const body = rows.map((row) => {
    const cells = row.map((text, column) =>
      column === 0 ? headCell(text) : markup`<td>${text}</td>`,
    );
    return markup`<tr>${cells}</tr>`;
  });
  return markup`<table>
<thead><tr>${head.map(headCell)}</tr></thead>
<tbody>
${lines(body)}
</tbody>
</table>`;
}

function headCell(text: string): Markup {
  return markup`<th>${text}</th>`;
}

/** A fraction as per cent without the sign; a dash for what is not known. */
export function points(fraction: number | null | undefined): string {
  return fraction === null || fraction === undefined ? "–" : (100 * fraction).toFixed(1);
}

/** Mean, then each seed where there are several. */
export function meanAndEach(
  values: readonly (number | null)[],
  format: (value: number | null) => string,
): string {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return "–";
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  return values.length === 1
    ? format(mean)
    : `${format(mean)} (${values.map((value) => format(value)).join(", ")})`;
}
