import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../../../protocol/random/random-stream.ts";

const seed = (first: number): Uint8Array => Uint8Array.from({ length: 16 }, (_, i) => first + i);

function draw(from: number): number[] {
  const random = new RandomStream(seed(from));
  return Array.from({ length: 50 }, () => random.word());
}

describe("random stream", () => {
  it("gives Philox4x32-10's published words for a zero key and counter", () => {
    // Random123, tests/kat_vectors: philox4x32 10, all zero.
    const random = new RandomStream(new Uint8Array(16));
    const words = Array.from({ length: 4 }, () => random.word());
    expect(words).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  });

  it("repeats itself for equal seeds only", () => {
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(new Set(draw(1)).size).toBe(50);
  });

  it("draws every integer below a bound about equally often", () => {
    const random = new RandomStream(seed(3));
    const counts = [0, 0, 0, 0, 0, 0, 0];
    for (let i = 0; i < 7000; i++) counts[random.below(7)]!++;
    // Four standard deviations (29) on either side of 1,000.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });

  it("shuffles into a permutation", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 200 }), (n, from) => {
        const values = Uint32Array.from({ length: n }, (_, i) => i);
        new RandomStream(seed(from)).shuffle(values);
        expect([...values].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
    );
  });

  it("refuses a seed of another length", () => {
    expect(() => new RandomStream(new Uint8Array(8))).toThrow("a seed has 16 bytes");
  });
});

it("an index is drawn in proportion to its weight, and never one of weight 0", () => {
  const random = new RandomStream(seed(6));
  const counts = [0, 0, 0, 0, 0];
  for (let i = 0; i < 4000; i++) counts[random.weighted([0, 1, 0, 3, 0])]!++;
  expect(counts).toEqual([0, 4000 - counts[3]!, 0, counts[3], 0]);
  // Binomial, 3000 ± 27.
  expect(Math.abs(counts[3]! - 3000)).toBeLessThan(120);
});
