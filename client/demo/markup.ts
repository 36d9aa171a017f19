import { html, raw } from "hono/html";

/** A piece of a page, escaped where it was put together. */
export type Markup = ReturnType<typeof raw>;

/**
 * A piece of a page from a template: text is escaped, other pieces and lists of them are put in as they
 * are. (Formatters lay out templates that are called `html`; these keep their lines.)
 *
 * @example
 * markup`<p>${"a < b"}</p>`.toString(); // "<p>a &lt; b</p>"
 */
export function markup(
  strings: TemplateStringsArray,
  ...values: readonly (string | number | Markup | readonly Markup[])[]
): Markup {
  // Only promises among the values would make a promise of it.
  return html(strings, ...values) as Markup;
}

/** Pieces below each other. */
export function lines(pieces: readonly Markup[]): Markup {
  return raw(pieces.join("\n"));
}

/** What stands for a piece that is left out. */
export const NO_MARKUP: Markup = raw("");
