/** A file that gave no image, and why: shown to people. */
export interface SkippedFile {
  readonly name: string;
  readonly reason: string;
}

/** Files that gave no image for one reason. */
export interface SkippedReason {
  readonly reason: string;
  readonly count: number;
  /** The first of them. */
  readonly examples: readonly string[];
}

/** What an import left out, for people and scripts. */
export interface SkippedSummary {
  readonly count: number;
  /** Most files first. */
  readonly reasons: readonly SkippedReason[];
}

const EXAMPLES = 3;

/**
 * Skipped files by their reasons.
 *
 * @example
 * summariseSkipped([{ name: "a.txt", reason: "the file is empty" }]);
 * // { count: 1, reasons: [{ reason: "the file is empty", count: 1, examples: ["a.txt"] }] }
 */
export function summariseSkipped(skipped: readonly SkippedFile[]): SkippedSummary {
  const names = new Map<string, string[]>();
  for (const { name, reason } of skipped) {
    const known = names.get(reason);
    if (known === undefined) names.set(reason, [name]);
    else known.push(name);
  }
  const reasons = Array.from(names, ([reason, all]) => ({
    reason,
    count: all.length,
    examples: all.slice(0, EXAMPLES),
  }));
  return { count: skipped.length, reasons: reasons.sort((a, b) => b.count - a.count) };
}

/** One reason in words: `a.png: the file is empty`, or `12 × the file is empty (a.png, b.png, c.png and 9 more)`. */
export function reasonText({ count, examples, reason }: SkippedReason): string {
  if (count === 1) return `${examples.join()}: ${reason}`;
  const rest = count > examples.length ? ` and ${count - examples.length} more` : "";
  return `${count} × ${reason} (${examples.join(", ")}${rest})`;
}
