import { describe, expect, it } from "vitest";
import * as fc from "fast-check";
import { upsampleBicubic } from "../../../client/attack/bicubic.ts";
import { purposeStream } from "../../../client/attack/seeded-stream.ts";
import {
  noisyField,
  warpField,
  warpTrigger,
  type WarpField,
} from "../../../client/attack/wanet.ts";
import { randomPixels, stamped } from "./image-of.ts";

const shape = { height: 32, width: 32, channels: 3 };

/**
 * PyTorch's grid_sample (bilinear, zeros outside, aligned corners) as its documentation states it:
 * every pixel weighs max(0, 1 − |distance|) in both directions.
 */
function gridSample(image: Uint8Array, field: WarpField, { height, width, channels } = shape) {
  const out = new Float64Array(image.length);
  for (let at = 0; at < height * width; at++) {
    const x = (field.x[at]! + 1) * 0.5 * (width - 1);
    const y = (field.y[at]! + 1) * 0.5 * (height - 1);
    for (let row = 0; row < height; row++) {
      const weightY = Math.max(0, 1 - Math.abs(y - row));
      if (weightY === 0) continue;
      for (let column = 0; column < width; column++) {
        const weight = weightY * Math.max(0, 1 - Math.abs(x - column));
        for (let channel = 0; channel < channels; channel++) {
          out[at * channels + channel]! +=
            weight * image[(row * width + column) * channels + channel]!;
        }
      }
    }
  }
  return out;
}

/** Cubic convolution as a sum over all points with the kernel of Keys 1981, edges repeated. */
function bicubicAt(grid: Float64Array, side: number, y: number, x: number): number {
  const a = -0.75;
  const kernel = (t: number) => {
    const s = Math.abs(t);
    if (s <= 1) return (a + 2) * s ** 3 - (a + 3) * s ** 2 + 1;
    return s < 2 ? a * s ** 3 - 5 * a * s ** 2 + 8 * a * s - 4 * a : 0;
  };
  const edge = (index: number) => Math.min(side - 1, Math.max(0, index));
  let sum = 0;
  for (let row = -2; row < side + 2; row++) {
    for (let column = -2; column < side + 2; column++) {
      sum += kernel(y - row) * kernel(x - column) * grid[edge(row) * side + edge(column)]!;
    }
  }
  return sum;
}

describe("bicubic interpolation", () => {
  it("agrees with the sum over the kernel, for any side and size", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 6 }),
        fc.integer({ min: 2, max: 19 }),
        fc.integer({ min: 2, max: 19 }),
        fc.nat(1000),
        (side, height, width, seed) => {
          const grid = Float64Array.from(
            randomPixels(side * side, seed),
            (value) => value / 128 - 1,
          );
          const out = upsampleBicubic(grid, side, { height, width });
          for (let row = 0; row < height; row++) {
            for (let column = 0; column < width; column++) {
              const y = (row * (side - 1)) / (height - 1);
              const x = (column * (side - 1)) / (width - 1);
              const expected = bicubicAt(grid, side, y, x);
              expect(out[row * width + column]).toBeCloseTo(expected, 10);
            }
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it("goes through the grid's points, and keeps a constant", () => {
    const grid = Float64Array.of(1, 2, 3, 4);
    const corners = upsampleBicubic(grid, 2, { height: 3, width: 5 });
    expect([corners[0], corners[4], corners[10], corners[14]]).toEqual([1, 2, 3, 4]);
    for (const value of upsampleBicubic(new Float64Array(16).fill(0.7), 4, shape)) {
      expect(value).toBeCloseTo(0.7, 12);
    }
  });
});

describe("the WaNet warp", () => {
  const settings = { gridSize: 4, strength: 0.5 };

  it("samples like grid_sample in float64, rounded to bytes", () => {
    const field = warpField(settings, shape, purposeStream(3, "a test"));
    const image = randomPixels(32 * 32 * 3, 8);
    const expected = gridSample(image, field);
    const out = stamped(image, warpTrigger(field, shape));
    expect(out).not.toEqual(image);
    expected.forEach((value, i) => {
      if (Math.abs(out[i]! - value) > 0.5 + 1e-9) expect.fail(`value ${i}: ${out[i]} for ${value}`);
    });
  });

  it("handles images that are not square and fields at their very edge", () => {
    const wide = { height: 5, width: 9, channels: 3 };
    const image = randomPixels(5 * 9 * 3, 4);
    for (const strength of [0.5, 40]) {
      const field = warpField({ gridSize: 3, strength }, wide, purposeStream(9, "a test"));
      for (const coordinate of [...field.x, ...field.y]) {
        expect(Math.abs(coordinate)).toBeLessThanOrEqual(1);
      }
      const expected = gridSample(image, field, wide);
      const out = stamped(image, warpTrigger(field, wide));
      expected.forEach((value, i) => {
        expect(Math.abs(out[i]! - value)).toBeLessThanOrEqual(0.5 + 1e-9);
      });
    }
  });

  it("moves pixels by s/2 on the average of the grid's points, in pixels of the release", () => {
    // A grid with as many points as pixels needs no interpolation, so its normalisation shows.
    const field = warpField({ gridSize: 32, strength: 0.5 }, shape, purposeStream(1, "a test"));
    let sum = 0;
    let counted = 0;
    for (let row = 1; row < 31; row++) {
      for (let column = 1; column < 31; column++) {
        const at = row * 32 + column;
        sum += Math.abs(field.x[at]! - ((2 * column) / 31 - 1));
        sum += Math.abs(field.y[at]! - ((2 * row) / 31 - 1));
        counted += 2;
      }
    }
    expect((sum / counted) * 32).toBeCloseTo(0.5, 1);
  });

  it("is of the seed alone", () => {
    const first = warpField(settings, shape, purposeStream(3, "a test"));
    expect(warpField(settings, shape, purposeStream(3, "a test"))).toEqual(first);
    expect(warpField(settings, shape, purposeStream(4, "a test"))).not.toEqual(first);
  });

  it("has a noise mode that moves every source by less than 1/size, anew each time", () => {
    const field = warpField(settings, shape, purposeStream(3, "a test"));
    const random = purposeStream(3, "noise");
    const noisy = noisyField(field, shape, random);
    noisy.x.forEach((value, at) => {
      expect(Math.abs(value - field.x[at]!)).toBeLessThanOrEqual(1 / 32 + 1e-12);
    });
    expect(noisyField(field, shape, random)).not.toEqual(noisy);
  });
});
