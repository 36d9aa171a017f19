import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defenceEffectiveness } from "../../../bench/cleanse/defence-rate.ts";
import { spearman } from "../../../bench/cleanse/spearman.ts";

describe("defence effectiveness rating", () => {
  it.each([
    [{ acc: 0.87, asr: 1 }, { acc: 0.84, asr: 0.03 }, 0.97],
    // Nothing happened; all accuracy lost and the backdoor kept; all won.
    [{ acc: 0.9, asr: 1 }, { acc: 0.9, asr: 1 }, 0.5],
    [{ acc: 1, asr: 1 }, { acc: 0, asr: 1 }, 0],
    [{ acc: 1, asr: 1 }, { acc: 1, asr: 0 }, 1],
    // Gains count no more than nothing lost.
    [{ acc: 0.8, asr: 0.1 }, { acc: 0.9, asr: 0.4 }, 0.5],
  ])("of %j and %j is %f", (before, after, expected) => {
    expect(defenceEffectiveness(before, after)).toBeCloseTo(expected, 12);
  });

  it("is null without a backdoor to take away", () => {
    expect(defenceEffectiveness({ acc: 0.9, asr: null }, { acc: 0.9, asr: null })).toBeNull();
    expect(defenceEffectiveness({ acc: 0.9, asr: 0.03 }, { acc: 0.9, asr: 0.02 })).toBeNull();
  });
});

describe("Spearman's rank correlation", () => {
  it("is that of the textbook example", () => {
    // IQ and hours of television, Wikipedia 'Spearman's rank correlation coefficient': −29/165.
    const iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110];
    const hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17];
    expect(spearman(iq.map((value, index) => [value, hours[index]!]))).toBeCloseTo(-29 / 165, 12);
  });

  it("shares ranks among equal values", () => {
    // Ranks 1, 2.5, 2.5, 4 and 1, 3, 2, 4: 4.5/√(4.5·5).
    const pairs = [
      [1, 1],
      [2, 3],
      [2, 2],
      [3, 4],
    ] as const;
    expect(spearman(pairs)).toBeCloseTo(Math.sqrt(4.5 / 5), 12);
  });

  it("is null where there is nothing to rank", () => {
    expect(spearman([])).toBeNull();
    expect(
      spearman([
        [1, 2],
        [2, 3],
      ]),
    ).toBeNull();
    expect(
      spearman([
        [1, 2],
        [1, 3],
        [1, 4],
      ]),
    ).toBeNull();
  });

  it("depends on order alone, and turns its sign with it", () => {
    const pair = fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -50, max: 50 }));
    fc.assert(
      fc.property(fc.array(pair, { minLength: 3, maxLength: 30 }), (pairs) => {
        const plain = spearman(pairs);
        const stretched = spearman(pairs.map(([a, b]) => [a ** 3, Math.exp(b / 10)] as const));
        const turned = spearman(pairs.map(([a, b]) => [-a, b] as const));
        if (plain === null) {
          expect([stretched, turned]).toEqual([null, null]);
          return;
        }
        expect(Math.abs(plain)).toBeLessThanOrEqual(1 + 1e-12);
        expect(stretched).toBeCloseTo(plain, 10);
        expect(turned).toBeCloseTo(-plain, 10);
      }),
    );
  });
});
