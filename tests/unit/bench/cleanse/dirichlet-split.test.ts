import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededStream } from "../../../../client/demo/draw-images.ts";
import { dealPool } from "../../../bench/cleanse/deal-pool.ts";
import { dirichletSplit } from "../../../bench/cleanse/dirichlet-split.ts";

const settings = fc.record({
  labels: fc.array(fc.nat({ max: 9 }), { minLength: 24, maxLength: 300 }),
  participants: fc.integer({ min: 1, max: 8 }),
  concentration: fc.constantFrom(1e-3, 0.1, 1, 100),
  least: fc.integer({ min: 0, max: 3 }),
  seed: fc.nat(),
});

describe("a Dirichlet split", () => {
  it("deals out every image once, and leaves nobody with too few", () => {
    fc.assert(
      fc.property(settings, ({ labels, seed, ...split }) => {
        const shares = dirichletSplit(labels, { ...split, random: seededStream(seed) });
        expect(shares).toHaveLength(split.participants);
        const all = shares.flat().sort((a, b) => a - b);
        expect(all).toEqual(labels.map((_, index) => index));
        expect(Math.min(...shares.map(({ length }) => length))).toBeGreaterThanOrEqual(split.least);
      }),
    );
  });

  it("is the same for the same seed, and another for another", () => {
    const labels = Array.from({ length: 200 }, (_, index) => index % 10);
    const split = (seed: number) =>
      dirichletSplit(labels, {
        participants: 4,
        concentration: 0.5,
        least: 1,
        random: seededStream(seed),
      });
    expect(split(1)).toEqual(split(1));
    expect(split(1)).not.toEqual(split(2));
  });

  it("is the more skewed, the smaller its concentration", () => {
    const labels = Array.from({ length: 2000 }, (_, index) => index % 10);
    /** Mean over classes of the largest share that one participant has of a class. */
    const concentrationOf = (concentration: number): number => {
      const random = seededStream(5);
      const split = { participants: 8, concentration, least: 0, random };
      const shares = dirichletSplit(labels, split);
      const largest = Array.from({ length: 10 }, (_, label) =>
        Math.max(...shares.map((own) => own.filter((index) => labels[index] === label).length)),
      );
      return largest.reduce((sum, count) => sum + count, 0) / labels.length;
    };
    expect(concentrationOf(0.1)).toBeGreaterThan(0.5);
    expect(concentrationOf(1000)).toBeLessThan(0.16);
  });

  it("refuses what cannot be dealt out", () => {
    const split = { participants: 3, concentration: 1, least: 2, random: seededStream(1) };
    expect(() => dirichletSplit([1, 2, 3], split)).toThrow(/3 images are too few for 3/);
    const flat = { ...split, concentration: 0 };
    expect(() =>
      dirichletSplit(
        Array.from({ length: 9 }, () => 0),
        flat,
      ),
    ).toThrow(/above 0/);
  });
});

describe("a pool", () => {
  const count = 60;
  const images = {
    pixels: Uint8Array.from({ length: count * 3 }, (_, index) => Math.floor(index / 3)),
    count,
    height: 1,
    width: 1,
    channels: 3,
  };
  const labels = Array.from({ length: count }, (_, index) => index % 3);

  it.each([null, 0.1])("may be dealt out in part, skew %s: each image at most once", (skew) => {
    const deal = { participants: 4, size: 20, skew };
    const shares = dealPool({ images, labels }, deal, seededStream(3));
    const dealt = shares.flatMap((own) =>
      Array.from({ length: own.count }, (_, index) => own.pixels[3 * index]!),
    );
    expect(dealt).toHaveLength(20);
    expect(new Set(dealt).size).toBe(20);
    expect(Math.min(...shares.map((own) => own.count))).toBe(5);
  });

  it("refuses to give more than it has", () => {
    const deal = { participants: 4, size: 61, skew: null };
    expect(() => dealPool({ images, labels }, deal, seededStream(3))).toThrow(/61 of a pool of 60/);
  });
});
