import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { philox4x32, uniformFromWords } from "../../../../protocol/random/philox.ts";

type Counter = readonly [number, number, number, number];
type Key = readonly [number, number];

function words(counter: Counter, key: Key): number[] {
  const out = new Uint32Array(4);
  philox4x32(out, ...counter, ...key);
  return [...out];
}

/** The same function by the paper's formulae, in big integers. */
function reference(counter: Counter, key: Key): number[] {
  const mask = 0xffff_ffffn;
  let [c0, c1, c2, c3] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key.map(BigInt) as [bigint, bigint];
  for (let round = 0; round < 10; round++) {
    const product0 = 0xd251_1f53n * c0;
    const product1 = 0xcd9e_8d57n * c2;
    [c0, c1, c2, c3] = [
      (product1 >> 32n) ^ c1 ^ k0,
      product1 & mask,
      (product0 >> 32n) ^ c3 ^ k1,
      product0 & mask,
    ];
    k0 = (k0 + 0x9e37_79b9n) & mask;
    k1 = (k1 + 0xbb67_ae85n) & mask;
  }
  return [c0, c1, c2, c3].map(Number);
}

const word = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.constantFrom(0, 1, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
);

describe("Philox4x32-10", () => {
  // Random123's published known answers (kat_vectors, D. E. Shaw Research).
  it.each<[Counter, Key, number[]]>([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])("[I2] gives the published answer for counter %j and key %j", (counter, key, answer) => {
    expect(words(counter, key)).toEqual(answer);
  });

  it("[I2] agrees with big integers", () => {
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, key) => {
        expect(words(counter, key)).toEqual(reference(counter, key));
      }),
      { numRuns: 500 },
    );
  });
});

describe("uniformFromWords", () => {
  it("[I4] is a midpoint of 2⁵² steps, within (0, 1) and symmetric", () => {
    expect(uniformFromWords(0, 0)).toBe(2 ** -53);
    expect(uniformFromWords(0xffff_ffff, 0xffff_ffff)).toBe(1 - 2 ** -53);
    fc.assert(
      fc.property(word, word, (high, low) => {
        const u = uniformFromWords(high, low);
        const k = (BigInt(high) >> 6n) * 2n ** 26n + (BigInt(low) >> 6n);
        expect(BigInt(u * 2 ** 53)).toBe(2n * k + 1n);
        expect(uniformFromWords(0xffff_ffff - high, 0xffff_ffff - low)).toBe(1 - u);
      }),
    );
  });
});
