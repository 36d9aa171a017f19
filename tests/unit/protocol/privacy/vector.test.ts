import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keystream } from "../../../../protocol/privacy/masks/keystream.ts";
import { clipToNorm, firstBound, nextBound } from "../../../../protocol/privacy/vector/bounds.ts";
import {
  decodeSum,
  exponentFor,
  mostLevels,
  quantise,
  type WireSection,
} from "../../../../protocol/privacy/vector/fixed-point.ts";
import {
  addWords,
  bytesOfWords,
  wordsOf,
  zeroWords,
  type Words,
} from "../../../../protocol/privacy/vector/words.ts";
import { uniformSource } from "../../../../protocol/random/uniform-source.ts";

const random = uniformSource(Uint8Array.of(7), "test");
const bitsOf = fc.constantFrom(16 as const, 32 as const);

/** Words as the whole numbers that they stand for. */
function levels(words: Words, bits: 16 | 32): number[] {
  return Array.from(words, (word) => (word < 2 ** (bits - 1) ? word : word - 2 ** bits));
}

describe("the wire vector", () => {
  it("[M2.1] is words of 16 or 32 bits, little-endian, wherever in a body they begin", () => {
    const body = Uint8Array.of(9, 1, 2, 3, 4, 5, 6, 7, 8);
    const words = wordsOf(32, body.subarray(1));
    expect([...words]).toEqual([0x04030201, 0x08070605]);
    expect([...wordsOf(16, body.subarray(0, 2))]).toEqual([0x0109]);
    expect([...bytesOfWords(words)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(() => wordsOf(32, body)).toThrow(/no whole number/);
    expect(() => addWords(zeroWords(16, 2), zeroWords(32, 2))).toThrow(/do not go with/);
  });

  it("[M2.3] [M2.6] sums words modulo 2^b to exactly the sum of the levels, up to its edges", () => {
    fc.assert(
      fc.property(
        bitsOf,
        fc.integer({ min: 1, max: 32 }),
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 1, maxLength: 6 }),
        (bits, participants, weight, values) => {
          const cohort = { participants, weight };
          const run = { length: values.length, exponent: exponentFor(1, bits, cohort) };
          const section: WireSection = { bits, runs: [run] };
          const sum = zeroWords(bits, values.length);
          const expected = values.map(() => 0);
          for (let i = 0; i < participants; i++) {
            // Signs in common drive sums to their edges; every other participant sends the very edge.
            const own = Float32Array.from(values, (value) => (i % 2 === 0 ? value : 9 * value));
            const { words } = quantise(own, section, cohort, weight, random);
            for (const [j, level] of levels(words, bits).entries()) expected[j]! += level;
            addWords(sum, words);
          }
          const step = 2 ** run.exponent;
          const decoded = decodeSum(sum, section, cohort, participants);
          expect([...decoded]).toEqual(expected.map((level) => level * step));
        },
      ),
    );
  });

  it("[M2.4] has the finest step with which the bound, at the largest weight, is not cut", () => {
    fc.assert(
      fc.property(
        bitsOf,
        fc.double({ min: 1e-12, max: 1e6, noNaN: true }),
        fc.integer({ min: 1, max: 32 }),
        fc.integer({ min: 1, max: 100 }),
        (bits, bound, participants, weight) => {
          const exponent = exponentFor(bound, bits, { participants, weight });
          const reach = mostLevels(bits, participants) * 2 ** exponent;
          expect(bound * weight).toBeLessThanOrEqual(reach);
          expect(bound * weight).toBeGreaterThan(reach / 2);
        },
      ),
    );
  });

  it("[M2.4] rounds without bias, by less than a step", () => {
    const cohort = { participants: 4, weight: 3 };
    const section: WireSection = { bits: 16, runs: [{ length: 4000, exponent: -6 }] };
    const values = new Float32Array(4000).fill(0.2501);
    const { words } = quantise(values, section, cohort, 3, random);
    const own = levels(words, 16);
    expect([...new Set(own)].sort()).toEqual([48, 49]);
    const mean = own.reduce((sum, level) => sum + level, 0) / own.length;
    expect(mean).toBeCloseTo(3 * 0.2501 * 64, 1);
  });

  it("[M2.5] cuts what is beyond a level, and counts it by run", () => {
    const cohort = { participants: 3, weight: 2 };
    const exponent = exponentFor(1, 16, cohort);
    const section: WireSection = {
      bits: 16,
      runs: [
        { length: 2, exponent },
        { length: 3, exponent },
      ],
    };
    const most = mostLevels(16, 3);
    const { clipped, words } = quantise(
      Float32Array.of(1, -1, 5, 0, -1e30),
      section,
      cohort,
      2,
      random,
    );
    expect(clipped).toEqual([0, 2]);
    expect(levels(words, 16).slice(2)).toEqual([most, 0, -most]);
  });

  it("[M2.6] refuses a sum that so few cannot come to, as of masks that do not cancel", () => {
    const cohort = { participants: 8, weight: 1 };
    const section: WireSection = { bits: 16, runs: [{ length: 1, exponent: 0 }] };
    const most = mostLevels(16, 8);
    expect(() => decodeSum(Uint16Array.of(3 * most), section, cohort, 3)).not.toThrow();
    expect(() => decodeSum(Uint16Array.of(3 * most + 1), section, cohort, 3)).toThrow(/3 partic/);
  });

  it("refuses values that are not finite, weights beyond the cohort's, and too many to have a level", () => {
    const section: WireSection = { bits: 16, runs: [{ length: 1, exponent: 0 }] };
    const cohort = { participants: 2, weight: 2 };
    const of = (value: number, weight = 1) =>
      quantise(Float32Array.of(value), section, cohort, weight, random);
    expect(() => of(Number.NaN)).toThrow(/value 0 .* NaN/);
    expect(() => of(1, 3)).toThrow(/from 1 to 2/);
    expect(() => of(1, 1.5)).toThrow(/whole number/);
    expect(() => mostLevels(16, 40_000)).toThrow(/leave no level/);
  });
});

describe("bounds", () => {
  it("[M2.2] brings an update that is too long to the norm, and leaves others", () => {
    expect(clipToNorm(Float32Array.of(3, 4), 10)).toBe(1);
    expect(clipToNorm(Float32Array.of(3, 4), 1)).toBeCloseTo(0.2, 12);
  });

  it("[M2.4] begin at the norm and follow what was summed", () => {
    expect(firstBound(2, 100, 100)).toBe(2);
    expect(firstBound(2, 640_000, 640_000)).toBeCloseTo(0.04, 12);
    expect(firstBound(2, 100, 640_000)).toBeCloseTo(0.16, 12);
    expect(nextBound(0.1, { peak: 0.015, clippedShare: 0 }, 1)).toBeCloseTo(0.12, 12);
    expect(nextBound(0.16, { peak: 1e-9, clippedShare: 0 }, 1)).toBe(0.01);
    expect(nextBound(0.1, { peak: 1e-9, clippedShare: 0.01 }, 1)).toBe(0.2);
    expect(nextBound(0.9, { peak: 9, clippedShare: 0 }, 1)).toBe(1);
    expect(nextBound(2 ** -24, { peak: 0, clippedShare: 0 }, 1)).toBe(2 ** -24);
  });
});

const seed = (byte: number) => new Uint8Array(32).fill(byte);

describe("masks", () => {
  it("[M3] are AES-256-CTR: a piece of zeros is NIST's key stream, others begin elsewhere", async () => {
    // FIPS 197, C.3 encrypts another block; this is AES-256 of sixteen zeros under a key of zeros.
    const stream = await keystream(seed(0));
    const words = await stream.words(0, 32, 4);
    const bytes = [...new Uint8Array(words.buffer)].map((byte) =>
      byte.toString(16).padStart(2, "0"),
    );
    expect(bytes.join("")).toBe("dc95c078a2408989ad48a21492842087");
    expect([...(await stream.words(1, 32, 4))]).not.toEqual([...words]);
    expect((await stream.words(0, 16, 3)).length).toBe(3);
    await expect(stream.words(0, 32, 2 ** 19 + 1)).rejects.toThrow(/at most/);
    await expect(keystream(new Uint8Array(16))).rejects.toThrow(/32 bytes/);
  });

  it("[M6.6] leave masked words that pass for uniform, whatever lies under them", async () => {
    const count = 65_536;
    for (const bits of [16, 32] as const) {
      const words = zeroWords(bits, count).fill(5);
      addWords(words, await (await keystream(seed(bits))).words(0, bits, count));
      const bytes = new Uint8Array(words.buffer);
      const counts = Array.from({ length: 256 }, () => 0);
      for (const byte of bytes) counts[byte]!++;
      const expected = bytes.length / 256;
      const chiSquare = counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
      // 255 degrees of freedom: between their quantiles of one in a million, either way.
      expect(chiSquare).toBeGreaterThan(158);
      expect(chiSquare).toBeLessThan(379);
      // Neighbours have nothing to do with one another: 5 standard deviations.
      let products = 0;
      for (let i = 1; i < bytes.length; i++)
        products += (bytes[i]! - 127.5) * (bytes[i - 1]! - 127.5);
      const correlation = products / bytes.length / ((256 ** 2 - 1) / 12);
      expect(Math.abs(correlation)).toBeLessThan(5 / Math.sqrt(bytes.length));
    }
  });
});
