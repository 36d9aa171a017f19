import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeUtf8,
  repeatedKey,
} from "../../../../../protocol/formats/safetensors/header-text.ts";

const platform = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

describe("decodeUtf8", () => {
  it("decodes what the platform encodes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 50 }), (text) => {
        expect(decodeUtf8(new TextEncoder().encode(text))).toBe(text);
      }),
    );
  });

  it("refuses exactly what a strict decoder refuses", () => {
    const interesting = fc.constantFrom(0x41, 0x80, 0xbf, 0xc1, 0xc3, 0xe0, 0xed, 0xf0, 0xf4, 0xf5);
    const byte = fc.oneof(interesting, fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 6 }), (list) => {
        const bytes = Uint8Array.from(list);
        let expected: string | undefined;
        try {
          expected = platform.decode(bytes);
        } catch {
          expected = undefined;
        }
        if (expected === undefined) expect(() => decodeUtf8(bytes)).toThrow(RangeError);
        else expect(decodeUtf8(bytes)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it("joins long texts", () => {
    const text = "ä𝄞x".repeat(10_000);
    expect(decodeUtf8(new TextEncoder().encode(text))).toBe(text);
  });
});

describe("repeatedKey", () => {
  it.each([
    ['{"a":1,"a":2}', "a"],
    ['{"a":1,"\\u0061" : 2}', "a"],
    ['{"x":[{"b":1},{"b":2}],"y":{"c":{},"c":[]}}', "c"],
    ['{"a\\"":1,"a\\"":2}', 'a"'],
    ['{"__proto__":1,"__proto__":2}', "__proto__"],
  ])("finds the key of %s", (json, key) => {
    expect(repeatedKey(json)).toBe(key);
  });

  it("finds none where JSON.stringify wrote the text", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2), (value, indent) => {
        expect(repeatedKey(JSON.stringify(value, null, indent))).toBeUndefined();
      }),
    );
  });
});
