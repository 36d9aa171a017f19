import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ascend } from "../../../../client/engine/host/host-ascent.ts";
import { addPlaceGradient, warpImage } from "../../../../client/engine/host/host-warp.ts";
import {
  fieldBall,
  fieldLength,
  gatherOntoGrid,
  gridOf,
  imageLengthOf,
  samplesOf,
} from "../../../../client/engine/host/warp-field.ts";
import { ascendWarp, ReferenceWarp, upsample } from "../numerics/reference-warp.ts";
import { SeededValues } from "../numerics/seeded-values.ts";
import "../numerics/to-be-allclose.ts";

const warps = fc.record({
  grid: fc.integer({ min: 2, max: 6 }),
  height: fc.integer({ min: 1, max: 7 }),
  width: fc.integer({ min: 1, max: 7 }),
  channels: fc.integer({ min: 1, max: 3 }),
  seed: fc.nat(),
});

function product(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);
}

function draw(length: number, random: SeededValues): Float32Array {
  return Float32Array.from({ length }, () => random.normal());
}

describe("a warp on the host", () => {
  it("is the reference's, there and back", () => {
    fc.assert(
      fc.property(warps, ({ grid, seed, ...image }) => {
        const random = new SeededValues(seed);
        const length = imageLengthOf(image);
        const field = draw(fieldLength(grid), random);
        const memory = draw(5 + length, random);
        const gradient = draw(length, random);
        const shape = [1, image.height, image.width, image.channels];
        const images = { shape, values: Float64Array.from(memory.subarray(5)) };
        const reference = new ReferenceWarp(images, Float64Array.from(field));
        fc.pre(reference.margin > 1e-6);

        const samples = samplesOf(field, { grid, image });
        const warped = new Float32Array(length);
        warpImage(memory, 5, samples, warped);
        expect(warped).toBeAllclose(reference.warped.values, { l2: 1e-6 });

        const before = draw(2 * image.height * image.width, random);
        const sums = before.slice();
        addPlaceGradient(memory, 5, samples, gradient, sums);
        const added = sums.map((value, i) => value - before[i]!);
        const byField = reference.gradient({ shape, values: Float64Array.from(gradient) });
        const gathered = gatherOntoGrid(added, { grid, image });
        expect(gathered).toBeAllclose(byField, { l2: 1e-5, floor: 1e-1 });
      }),
      { seed: 20261122 },
    );
  });

  it("gathers onto the grid by the transpose of what spreads over the pixels", () => {
    fc.assert(
      fc.property(warps, ({ grid, seed, ...image }) => {
        const random = new SeededValues(seed);
        const field = draw(fieldLength(grid), random);
        const gradient = draw(2 * image.height * image.width, random);
        const spread = upsample(Float64Array.from(field), grid, image.height, image.width);
        const gathered = gatherOntoGrid(gradient, { grid, image });
        expect(product(gathered, field)).toBeCloseTo(product(gradient, spread), 4);
      }),
      { seed: 20261122 },
    );
  });

  it("ascends like the reference, of gradients that are small too", () => {
    const random = new SeededValues(4);
    const field = draw(fieldLength(4), random);
    const gradient = draw(fieldLength(4), random).map((value) => 1e-25 * value);
    for (const radius of [0.2, 1, 5]) {
      const settings = { grid: 4, radius, step: 0.3 };
      const moved = field.slice();
      ascend(moved, gradient, moved.length, fieldBall(settings));
      const expected = ascendWarp(Float64Array.from(field), Float64Array.from(gradient), settings);
      expect(moved).toBeAllclose(expected, { l2: 1e-6 });
    }
  });

  it("knows a field by the length of its perturbation", () => {
    const image = { height: 3, width: 5, channels: 2 };
    expect(gridOf(30, image)).toBe(0);
    for (const grid of [2, 8, 32]) expect(gridOf(30 + fieldLength(grid), image)).toBe(grid);
    for (const behind of [-1, 1, 2, 10, fieldLength(33)]) {
      expect(gridOf(30 + behind, image)).toBeUndefined();
    }
  });
});
