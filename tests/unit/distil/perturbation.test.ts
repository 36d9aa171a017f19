import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawPerturbation, engineAdversary } from "../../../client/distil/perturbation.ts";
import { RandomStream } from "../../../client/distil/random.ts";
import { adversarySchema } from "../../../protocol/round/adversary.ts";

const stream = (first: number): RandomStream => new RandomStream(new Uint8Array(16).fill(first));
const length = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

describe("a fresh perturbation", () => {
  it("[D9] in an L2 ball is a tenth of an ascent step long, in a direction of the seed's", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.double({ min: 1e-3, max: 10, noNaN: true }),
        fc.integer({ min: 0, max: 255 }),
        (values, stepLength, seed) => {
          const ball = { norm: "l2", radius: 8 * stepLength, stepLength } as const;
          const drawn = drawPerturbation(values, ball, stream(seed));
          expect(drawn).toHaveLength(values);
          expect(length(drawn) / stepLength).toBeCloseTo(0.1, 5);
          expect(drawPerturbation(values, ball, stream(seed))).toEqual(drawn);
        },
      ),
    );
  });

  it("[D9] in an L2 ball prefers no direction", () => {
    const random = stream(7);
    const ball = { norm: "l2", radius: 80, stepLength: 10 } as const;
    const mean = [0, 0, 0];
    const squares = [0, 0, 0];
    for (let i = 0; i < 3000; i++) {
      drawPerturbation(3, ball, random).forEach((value, k) => {
        mean[k]! += value / 3000;
        squares[k]! += value ** 2 / 3000;
      });
    }
    // Of unit vectors: standard error of the mean .0105, of the square .0054.
    for (const value of mean) expect(Math.abs(value)).toBeLessThan(0.05);
    for (const value of squares) expect(Math.abs(value - 1 / 3)).toBeLessThan(0.025);
  });

  it("[D9] in an L∞ ball is anywhere in it", () => {
    const drawn = drawPerturbation(4000, { norm: "linf", radius: 0.5, stepLength: 0.1 }, stream(2));
    const sorted = [...drawn].sort((a, b) => a - b);
    for (const [share, value] of [
      [0, -0.5],
      [0.25, -0.25],
      [0.5, 0],
      [0.75, 0.25],
      [1, 0.5],
    ] as const) {
      expect(sorted[Math.round(share * 3999)]).toBeCloseTo(value, 1);
    }
    expect(Math.max(...sorted.map(Math.abs))).toBeLessThanOrEqual(0.5);
  });
});

it("[D9] an engine is told lengths of the whole image", () => {
  const l2 = adversarySchema.parse({ radius: 0.145, step: 0.125 });
  expect(engineAdversary(l2, 3072)).toMatchObject({
    weight: l2.weight,
    share: l2.share,
    norm: "l2",
    scope: "universal",
    ascents: 0,
    radius: 0.145 * Math.sqrt(3072),
    stepLength: 0.125 * 0.145 * Math.sqrt(3072),
  });
  const linf = adversarySchema.parse({ norm: "linf", radius: 0.1, step: 0.5 });
  expect(engineAdversary(linf, 3072)).toMatchObject({ radius: 0.1, stepLength: 0.05 });
});
