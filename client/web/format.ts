const UNITS = ["B", "KB", "MB", "GB", "TB"] as const;

/** `2.8 MB`: decimal units, as browsers show downloads. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** `1,234`, in the reader's way of writing. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString();
}

/** `1 image`, `2 images`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** A rate with a digit where it says something: `0.8`, `12`, `340`. */
export function formatRate(rate: number): string {
  return rate < 9.95 ? rate.toFixed(1) : formatCount(rate);
}
