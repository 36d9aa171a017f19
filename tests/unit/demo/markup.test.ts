import { expect, it } from "vitest";
import { lines, markup, NO_MARKUP } from "../../../client/demo/markup.ts";

it("escapes text in elements and attributes, and pieces no second time", () => {
  const text = `<b> & "c" 'd'`;
  const piece = markup`<i title="${text}">${text}</i>`;
  const escaped = "&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;";
  expect(piece.toString()).toBe(`<i title="${escaped}">${escaped}</i>`);
  expect(markup`<p>${piece}${NO_MARKUP}${[piece, piece]} ${2}</p>`.toString()).toBe(
    `<p>${piece}${piece}${piece} 2</p>`,
  );
  expect(lines([piece, markup`<br>`]).toString()).toBe(`${piece}\n<br>`);
});
