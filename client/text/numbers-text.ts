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

/** Below this, three digits do not round up to the next unit. */
const UNIT_FULL = 999.5;

/**
 * A number of bytes to three digits, in decimal units as browsers show downloads.
 *
 * @example
 * bytesText(44_721_664); // "44.7 MB"
 */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= UNIT_FULL && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const text = unit === 0 || value >= UNIT_FULL ? value.toFixed(0) : value.toPrecision(3);
  return `${text} ${units[unit]}`;
}

/** `1,234`, in the reader's way of writing. */
export function countText(count: number): string {
  return Math.round(count).toLocaleString();
}

/** `1 image`, `2 images`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

/** A rate with a digit where it says something: `0.8`, `12`, `340`. */
export function rateText(rate: number): string {
  return rate < 9.95 ? rate.toFixed(1) : countText(rate);
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
