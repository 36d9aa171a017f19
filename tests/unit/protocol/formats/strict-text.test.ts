import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeUtf8, repeatedKey } from "../../../../protocol/formats/strict-text.ts";

describe("decodeUtf8", () => {
  it("[W1] refuses what is not strict UTF-8, and keeps a byte order mark", () => {
    expect(decodeUtf8(new TextEncoder().encode("\ufeffä𝄞"))).toBe("\ufeffä𝄞");
    for (const bytes of [
      [0x80],
      [0xc0, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xe2],
    ]) {
      expect(() => decodeUtf8(Uint8Array.from(bytes))).toThrow(TypeError);
    }
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
