import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  drawPerturbation,
  drawRestart,
  engineAdversary,
} from "../../../client/distil/perturbation.ts";
import { RandomStream } from "../../../protocol/random/random-stream.ts";
import { adversarySchema } from "../../../protocol/round/adversary.ts";

const stream = (first: number): RandomStream => new RandomStream(new Uint8Array(16).fill(first));
const CIFAR = { height: 32, width: 32, channels: 3 };
const length = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

describe("a fresh perturbation", () => {
  it("[D9.10.2] in an L2 ball is a tenth of an ascent step long, in a direction of the seed's", () => {
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

  it("[D9.10.2] in an L2 ball prefers no direction", () => {
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

  it("[D9.10.2] in an L∞ ball is anywhere in it", () => {
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

it("[D9.1] an engine is told lengths of the whole image", () => {
  const l2 = adversarySchema.parse({ radius: 0.145, step: 0.125 });
  expect(engineAdversary(l2, CIFAR)).toMatchObject({
    weight: l2.weight,
    share: l2.share,
    norm: "l2",
    scope: "universal",
    ascents: 0,
    radius: 0.145 * Math.sqrt(3072),
    stepLength: 0.125 * 0.145 * Math.sqrt(3072),
  });
  const linf = adversarySchema.parse({ norm: "linf", radius: 0.1, step: 0.5 });
  expect(engineAdversary(linf, CIFAR)).toMatchObject({ radius: 0.1, stepLength: 0.05 });
});

it("[D9.3] an engine is told a warp in pixels of the image's width; none of single images", () => {
  const warped = adversarySchema.parse({});
  expect(engineAdversary(warped, CIFAR).warp).toEqual({ grid: 8, radius: 0.5, step: 0.125 });
  const wide = { height: 16, width: 64, channels: 1 };
  const chosen = adversarySchema.parse({ warp: { grid: 4, radius: 0.05, step: 0.5 } });
  expect(engineAdversary(chosen, wide).warp).toEqual({ grid: 4, radius: 3.2, step: 1.6 });
  const still = [{ warp: null }, { scope: "per-image", ascents: 1 }];
  for (const adversary of still.map((input) => adversarySchema.parse(input))) {
    expect(adversary.warp).toBeNull();
    expect(engineAdversary(adversary, CIFAR)).not.toHaveProperty("warp");
  }
});

it("[D9.10.2] a restart has displacements behind δ, each within a tenth of an ascent step", () => {
  const adversary = engineAdversary(adversarySchema.parse({ warp: { grid: 32 } }), CIFAR);
  const restart = drawRestart(CIFAR, adversary, stream(3));
  expect(restart).toHaveLength(3072 + 2048);
  const { warp: _, ...still } = adversary;
  expect(restart.slice(0, 3072)).toEqual(drawRestart(CIFAR, still, stream(3)));
  const most = 0.1 * adversary.warp!.step;
  const sorted = restart.slice(3072).toSorted();
  for (const quarter of [0, 1, 2, 3, 4]) {
    const at = sorted[Math.round((quarter / 4) * 2047)]!;
    expect(Math.abs(at - most * (quarter / 2 - 1))).toBeLessThan(0.1 * most);
  }
  expect(Math.max(...sorted.map(Math.abs))).toBeLessThanOrEqual(most);
});

describe("[D9.16] the default adversary", () => {
  const adversary = adversarySchema.parse({});

  it("is at 32 pixels what it has been, to the bit", () => {
    expect(engineAdversary(adversary, CIFAR)).toEqual({
      weight: 0.15,
      share: 0.5,
      norm: "l2",
      scope: "universal",
      ascents: 0,
      lowFrequencies: { share: 0.5, gain: 2 },
      radius: 5.542562584220407,
      stepLength: 0.6928203230275509,
      warp: { grid: 8, radius: 0.5, step: 0.125 },
    });
    expect(adversary).toMatchObject({
      waves: { radius: 0.45, periods: 10 },
      heatMap: { radius: 0.2 },
      shortcuts: { radius: 0.145 },
      bends: { radius: 0.0234375 },
    });
  });

  it.each([16, 64, 224, 256])("has lengths in proportion to a side of %d", (side) => {
    const shape = { height: side, width: side, channels: 3 };
    const small = engineAdversary(adversary, CIFAR);
    const { lowFrequencies, radius, stepLength, warp } = engineAdversary(adversary, shape);
    const times = side / 32;
    expect(radius / small.radius).toBeCloseTo(times, 12);
    expect(stepLength / small.stepLength).toBeCloseTo(times, 12);
    expect(warp).toEqual({ grid: 8, radius: 0.5 * times, step: 0.125 * times });
    expect(lowFrequencies).toEqual(small.lowFrequencies);
  });
});
