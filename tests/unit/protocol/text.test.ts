import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { enrolRequestSchema, inviteRequestSchema } from "../../../protocol/round/access.ts";
import {
  cleanText,
  codePoints,
  cutText,
  printableJson,
  printableLines,
} from "../../../protocol/text.ts";

const ESC = "\u001b";

/** Strings in which what must go is frequent. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        ESC,
        `${ESC}[31m`,
        `${ESC}]0;title\u0007`,
        "\u009b2J",
        "\u202e",
        "\u2066",
        "\u200b",
        "\u2028",
        "\ud800",
        "\udc00",
        "e",
        "\u0301",
        "\u034f",
        "\u3164",
        "\u{e0041}",
        "\r\n",
      ),
    ),
  )
  .map((parts) => parts.join(""));

describe("text from strangers", () => {
  it.each([
    ["ward 3", "ward 3"],
    ["  ward\t3 \r\n", "ward 3"],
    [`${ESC}[31mred${ESC}[0m`, "red"],
    [`${ESC}]8;;http://x${ESC}\\link${ESC}]8;;${ESC}\\`, "link"],
    [`${ESC}]0;title\u0007x`, "x"],
    [`${ESC}cx`, "x"],
    ["\u009b2Jx", "x"],
    ["a\u0000\u0007\u0008\u007f\u0085b", "a b"],
    ["user\u202etxt.exe", "usertxt.exe"],
    ["\u2066a\u2069\u200b\u200d\ufeff\u2060", "a"],
    ["a\u2028b\u2029c", "a b c"],
    ["\ud800a\udc00", "a"],
    ["\u3164\u034f\u{e0041}", ""],
    ["e\u0301", "é"],
    ["日本 😀 žluť", "日本 😀 žluť"],
  ])("[P8.1] %j becomes %j", (text, clean) => expect(cleanText(text)).toBe(clean));

  it("[P8.1] holds nothing unseen, is of one line, and stays as it is when cleaned again", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const clean = cleanText(text);
        expect(clean).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(clean).toBe(clean.normalize("NFC"));
        expect(cleanText(clean)).toBe(clean);
      }),
    );
  });

  it("[P8.2] limits count code points of what is left", () => {
    const long = "😀".repeat(120);
    const publicKey = "0f".repeat(32);
    expect(enrolRequestSchema.parse({ publicKey, label: `${long}\u200b` }).label).toBe(long);
    expect(enrolRequestSchema.safeParse({ publicKey, label: long }).success).toBe(true);
    expect(enrolRequestSchema.safeParse({ publicKey, label: `${long}x` }).success).toBe(false);
    expect(inviteRequestSchema.safeParse({ organisation: "\u200b" }).success).toBe(false);
    expect(codePoints(cutText("😀😀x", 2))).toBe(2);
  });

  it("[P8.3] lines that are printed keep their breaks and nothing else that moves a cursor", () => {
    expect(printableLines(`a${ESC}[2J\r\nb\u202e\n`)).toBe("a \nb\n");
  });

  it("[P8.3] JSON that is printed shows what is unseen, and reads back as it was", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const json = printableJson({ [text]: text });
        expect(json).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(JSON.parse(json)).toEqual({ [text]: text });
      }),
    );
  });
});
