import { describe, expect, it } from "vitest";
import { slopes } from "./finite-differences.ts";
import type { Tensor } from "./reference-operations.ts";
import { ascendWarp, ReferenceWarp, upsample } from "./reference-warp.ts";
import { SeededValues } from "./seeded-values.ts";
import "./to-be-allclose.ts";

function draw(shape: number[], random: SeededValues): Tensor {
  const length = shape.reduce((product, side) => product * side);
  return { shape, values: Float64Array.from({ length }, () => random.normal()) };
}

describe("the float64 reference's warp", () => {
  it.each([
    [2, 5, 4],
    [3, 3, 3],
    [4, 1, 6],
    [5, 4, 2],
  ])("has the gradient of finite differences: %i nodes a side, %i×%i", (grid, height, width) => {
    for (let seed = 0; seed < 5; seed++) {
      const random = new SeededValues(seed);
      const shape = [2, height, width, 3];
      const [images, weights] = [draw(shape, random), draw(shape, random)];
      // Far enough to leave the image here and there.
      const field = draw([grid, grid, 2], random).values.map((value) => 1.5 * value);
      if (new ReferenceWarp(images, field).margin < 1e-3) continue;
      const sum = (): number => {
        const { values } = new ReferenceWarp(images, field).warped;
        return values.reduce((total, value, i) => total + value * weights.values[i]!, 0);
      };
      const gradient = new ReferenceWarp(images, field).gradient(weights);
      const { measured, of } = slopes(sum, field);
      expect(of(gradient)).toBeAllclose(measured, { l2: 1e-7, floor: 1e-2 });
    }
  });

  it("[D9.3] reads a field between its nodes, of which the outer ones are on the corners", () => {
    const field = Float64Array.of(0, 0, 4, 8, 2, -2, 6, 10);
    const displaced = upsample(field, 2, 3, 5);
    const at = (row: number, column: number): number[] => [
      ...displaced.subarray(2 * (5 * row + column), 2 * (5 * row + column) + 2),
    ];
    expect([at(0, 0), at(0, 4), at(2, 0), at(2, 4)]).toEqual([
      [0, 0],
      [4, 8],
      [2, -2],
      [6, 10],
    ]);
    expect(at(1, 1)).toEqual([2, 1.5]);
  });

  it("[D9.3.1] takes pixels from where the field leads, and from the edge beyond it", () => {
    const images = { shape: [1, 2, 3, 1], values: Float64Array.of(1, 2, 4, 8, 16, 32) };
    const shifted = (down: number, right: number): number[] => {
      const field = Float64Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? down : right));
      return [...new ReferenceWarp(images, field).warped.values];
    };
    expect(shifted(0, 0)).toEqual([1, 2, 4, 8, 16, 32]);
    expect(shifted(0, 1)).toEqual([2, 4, 4, 16, 32, 32]);
    expect(shifted(0.5, -0.5)).toEqual([4.5, 6.75, 13.5, 8, 12, 24]);
    expect(shifted(-9, 9)).toEqual([4, 4, 4, 4, 4, 4]);
  });

  it("[D9.3.2] ascends by its step in root mean square, not beyond its radius, and not without a gradient", () => {
    const settings = { grid: 2, radius: 2, step: 0.5 };
    const field = Float64Array.of(1, -1, 1, 1, 0, 0, 0, 0);
    const gradient = Float64Array.of(0, 0, 0, 0, 3e-9, 0, 0, 0);
    const moved = [...field];
    moved[4] = 0.5 * Math.sqrt(8);
    expect(ascendWarp(field, gradient, settings)).toBeAllclose(moved, { l2: 1e-12 });
    expect(ascendWarp(field, new Float64Array(8), settings)).toEqual(field);
    const short = ascendWarp(field, gradient, { ...settings, radius: 0.1 });
    expect(Math.hypot(...short) / Math.sqrt(8)).toBeCloseTo(0.1, 12);
  });
});
