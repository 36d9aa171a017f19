import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exactLog } from "../../../../protocol/random/exact-log.ts";
import { inverseNormal } from "../../../../protocol/random/normal.ts";

/** Relative difference. */
const off = (actual: number, expected: number) => Math.abs(actual - expected) / Math.abs(expected);

/** Probability and quantile, from CPython 3.11's `statistics.NormalDist().inv_cdf`. */
const QUANTILES = [
  [0.5000000000000001, 2.7829164246717676e-16],
  [1.1102230246251565e-16, -8.209536151601386],
  [1e-12, -7.034483825301132],
  [1e-5, -4.2648907939228256],
  [0.001, -3.090232306167813],
  [0.0249, -1.9616778690637862],
  [0.075, -1.4395314709384557],
  [0.0750001, -1.4395307645017297],
  [0.25, -0.6744897501960817],
  [0.4, -0.2533471031357998],
  [0.6, 0.2533471031357998],
  [0.9, 1.2815515655446008],
  [0.925, 1.439531470938456],
  [0.99, 2.3263478740408408],
  [0.999999, 4.753424308817089],
  [0.9999999999999999, 8.209536151601386],
] as const;

describe("exactLog", () => {
  it("[I4] is within two units in the last place of the platform's logarithm", () => {
    const positive = fc.double({ min: 2 ** -1022, max: Number.MAX_VALUE, noNaN: true });
    const probability = fc.double({ min: 2 ** -53, max: 1 - 2 ** -53, noNaN: true });
    fc.assert(
      fc.property(fc.oneof(positive, probability), (x) => {
        const expected = Math.log(x);
        if (expected === 0) expect(exactLog(x)).toBe(0);
        else expect(off(exactLog(x), expected)).toBeLessThanOrEqual(2 ** -51);
      }),
      { numRuns: 5000 },
    );
  });

  it("[I4] gives known values", () => {
    expect(exactLog(1)).toBe(0);
    expect(exactLog(2)).toBe(Math.LN2);
    expect(exactLog(0.5)).toBe(-Math.LN2);
    expect(exactLog(2 ** -53)).toBe(-36.7368005696771);
    expect(exactLog(Math.E)).toBe(1);
  });

  it.each([0, -1, NaN, Infinity, 2 ** -1023])("refuses %d", (x) => {
    expect(() => exactLog(x)).toThrow(RangeError);
  });
});

describe("inverseNormal", () => {
  it.each(QUANTILES)("[I4] gives AS 241's quantile at %d", (p, quantile) => {
    expect(off(inverseNormal(p), quantile)).toBeLessThan(4e-16);
  });

  // Wichura 1988, section 'Test data'.
  it.each([
    [0.25, -0.6744897501960817],
    [0.001, -3.090232306167814],
    [1e-20, -9.26234008979841],
  ])("[I4] gives the paper's value at %d", (p, quantile) => {
    expect(off(inverseNormal(p), quantile)).toBeLessThan(1e-15);
  });

  it("[I4] is odd about ½ and increases", () => {
    const probability = fc.integer({ min: 1, max: 2 ** 30 - 2 }).map((k) => k / 2 ** 30);
    fc.assert(
      fc.property(probability, (p) => {
        expect(inverseNormal(1 - p) + inverseNormal(p)).toBe(0);
        expect(inverseNormal(p + 2 ** -30)).toBeGreaterThan(inverseNormal(p));
      }),
      { numRuns: 1000 },
    );
  });
});

it.each(["random", "reinit"])(
  "[I4] protocol/%s uses no operation whose last bit is left to the engine",
  (room) => {
    const folder = new URL(`../../../../protocol/${room}/`, import.meta.url);
    const allowed = new Set(["abs", "ceil", "floor", "fround", "imul", "max", "min", "sqrt"]);
    const files = readdirSync(folder);
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const code = readFileSync(new URL(file, folder), "utf8").replaceAll(
        /\/\*[^]*?\*\/|\/\/.*/g,
        "",
      );
      for (const [, name] of code.matchAll(/Math\.(\w+)/g)) {
        expect(allowed, `Math.${name} in ${file}`).toContain(name);
      }
      expect(code, file).not.toContain("**");
    }
  },
);
