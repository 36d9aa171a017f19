import { cutText } from "../text.ts";

/** Most that a sentence lists, and the longest of a file's names in it. */
const MOST_LISTED = 8;
const MOST_CHARACTERS = 120;

/** A name of a file's in a sentence. */
export function quoted(name: string): string {
  return `'${cutText(name, MOST_CHARACTERS)}'`;
}

/** The first few of some texts, and how many more there are. */
export function listed(texts: readonly string[]): string {
  const more = texts.length - MOST_LISTED;
  return `${texts.slice(0, MOST_LISTED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
