/** ECMA-48 control sequences and strings, opened by ESC or by their one-character C1 forms. */
const SEQUENCES =
  // oxlint-disable-next-line no-control-regex -- control characters are what it is there to find
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?/g;

/** What moves to another line or column: a space in its place keeps words apart. */
const BREAKS = /[\t-\r\u0085\u2028\u2029]+/g;

/**
 * Characters that a reader does not see, but a terminal or a text's direction obeys: controls (C0, DEL,
 * C1), formats (bidi overrides and isolates, zero-width ones, tags), what Unicode calls ignorable by
 * default, and halves of a surrogate pair.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

function withoutUnseen(text: string): string {
  return text.replace(SEQUENCES, "").replace(BREAKS, " ").replace(UNSEEN, "");
}

/**
 * Text that a stranger wrote, safe to show on one line of a page, a log or a terminal (SPEC P8):
 * normalised (Unicode NFC), without control sequences and unseen characters, trimmed. Cleaning twice
 * changes nothing.
 *
 * @example
 * cleanText("ward\u202e 3\n\u001b[31m"); // "ward 3"
 */
export function cleanText(text: string): string {
  // Again at the end: what was taken out may have kept a letter from its accent.
  return withoutUnseen(text.normalize("NFC")).normalize("NFC").trim();
}

/** Length in code points, which is how limits of text count. */
export function codePoints(text: string): number {
  return Array.from(text).length;
}

/** At most so many code points from the beginning of a text; no character is cut in two. */
export function cutText(text: string, most: number): string {
  return Array.from(text).slice(0, most).join("");
}

/**
 * Text of several lines as it may be printed: line feeds stay, whatever else moves a cursor or turns
 * the text around goes. For what has been put together of lines already; one stranger's words go
 * through `cleanText`.
 */
export function printableLines(text: string): string {
  return text
    .split("\n")
    .map((line) => withoutUnseen(line))
    .join("\n");
}

/** JSON as it may be printed: unseen characters escaped, so that it reads back as the same values. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(UNSEEN, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
}
