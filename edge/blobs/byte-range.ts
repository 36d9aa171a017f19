/** A run of bytes asked for. */
interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * Reads a `Range` header (RFC 9110, section 14.1.2).
 *
 * @returns the range, cut to the blob; `whole` where the header does not apply (another unit,
 *   malformed, or several ranges, which a server may answer with everything); or `unsatisfiable`.
 *
 * @example
 * parseRange("bytes=-4", 10); // { offset: 6, length: 4 }
 */
export function parseRange(
  header: string | undefined,
  size: number,
): ByteRange | "whole" | "unsatisfiable" {
  const match = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(header ?? "");
  if (match === null) return "whole";
  const [, first = "", last = ""] = match;
  if (first === "") {
    if (last === "") return "whole";
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { offset: size - length, length };
  }
  const offset = Number(first);
  if (last !== "" && Number(last) < offset) return "whole";
  if (offset >= size) return "unsatisfiable";
  const end = last === "" ? size : Math.min(Number(last) + 1, size);
  return { offset, length: end - offset };
}

/**
 * Whether `If-None-Match` names this entity tag (RFC 9110, section 13.1.2; weak comparison).
 *
 * @param tag the strong tag with its quotes
 */
export function noneMatch(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return header
    .split(",")
    .map((candidate) => candidate.trim())
    .some((candidate) => candidate === "*" || candidate.replace(/^W\//, "") === tag);
}
