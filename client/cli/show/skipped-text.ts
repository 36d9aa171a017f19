import { reasonText, type SkippedSummary } from "../../images/skipped.ts";
import { counted } from "../../text/numbers-text.ts";

/** Reasons that are told; more are rarely of use. */
const REASONS = 10;

/**
 * What an import left out and why, in lines; none when nothing was.
 *
 * @param place what the images came from
 */
export function skippedLines({ count, reasons }: SkippedSummary, place: string): readonly string[] {
  if (count === 0) return [];
  const rest = reasons.length - REASONS;
  return [
    `${counted(count, "file")} skipped in ${place}:`,
    ...reasons.slice(0, REASONS).map((reason) => `  ${reasonText(reason)}`),
    ...(rest > 0 ? [`  and ${counted(rest, "other reason")}`] : []),
  ];
}
