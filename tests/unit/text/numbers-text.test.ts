import { expect, it } from "vitest";
import { bytesText, rateText } from "../../../client/text/numbers-text.ts";

it.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.00 kB"],
  [999_499, "999 kB"],
  [999_500, "1.00 MB"],
  [44_721_664, "44.7 MB"],
  [3e12, "3.00 TB"],
  [1234e12, "1234 TB"],
])("writes %i bytes as %s", (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

it("gives a slow rate a digit more", () => {
  expect([0.84, 9.96, 12.4].map(rateText)).toEqual(["0.8", "10", "12"]);
});
