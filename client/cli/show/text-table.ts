import { cleanText } from "../../../protocol/text.ts";

/**
 * Lays rows out in columns, the first row as heading; numbers are aligned by whoever formats them. A
 * cell may hold what a stranger wrote: it is cleaned, so that it cannot pass for another row.
 *
 * @example
 * textTable([["round", "loss"], ["0", "0.412"]]);
 */
export function textTable(cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map(oneLine));
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
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

/** A fraction as per cent with one decimal; a dash for what is not known. */
export function percent(fraction: number | null | undefined): string {
  return fraction === null || fraction === undefined ? "–" : `${(100 * fraction).toFixed(1)} %`;
}

/** A number with so many decimals; a dash for what is not known. */
export function decimal(value: number | null | undefined, digits = 4): string {
  return value === null || value === undefined ? "–" : value.toFixed(digits);
}

/** A norm, which may be of any size, to three digits; a dash for what is not known. */
export function normText(norm: number | null | undefined): string {
  return norm === null || norm === undefined ? "–" : String(Number(norm.toPrecision(3)));
}

/** A number of bytes in the unit that reads best. */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}

/** A moment in the reader's own time zone; a dash when there is none. */
export function momentText(moment: number | null): string {
  return moment === null ? "–" : new Date(moment).toLocaleString();
}

/** A length of time in the unit that reads best. */
export function durationText(seconds: number): string {
  if (seconds < 90) return `${seconds.toFixed(0)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
