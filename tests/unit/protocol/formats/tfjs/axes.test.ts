import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  convolutionAxes,
  denseAxes,
  depthwiseAxes,
  place,
  turnedBack,
  type Axes,
} from "../../../../../protocol/formats/tfjs/axes.ts";
import { sizeOf } from "../../../../../protocol/model/values.ts";

/** The place here of every value of the file, by the definition. */
function placesOf({ order, stored }: Axes): number[] {
  return Array.from({ length: sizeOf(stored) }, (_, index) => {
    const at = stored.map(
      (extent, axis) => Math.floor(index / sizeOf(stored.slice(axis + 1))) % extent,
    );
    return order.reduce((sum, axis) => sum * stored[axis]! + at[axis]!, 0);
  });
}

const extents = (rank: number) =>
  fc.array(fc.integer({ min: 1, max: 4 }), { minLength: rank, maxLength: rank });

const axes = fc.oneof(
  extents(4).map(convolutionAxes),
  extents(4).map(depthwiseAxes),
  extents(2).map(denseAxes),
);

describe("the order of a weight's axes", () => {
  it("[W7] is that of G1.1 for any run of the file and of what stands here, and back", () => {
    fc.assert(
      fc.property(axes, fc.nat(), fc.nat(), fc.nat(), fc.nat(), (turn, a, b, c, d) => {
        const size = sizeOf(turn.stored);
        const [first, intoFirst] = [a % size, b % size];
        const length = 1 + (c % (size - first));
        const into = new Float32Array(1 + (d % (size - intoFirst))).fill(-1);
        const values = Float32Array.from({ length }, (_, i) => first + i);
        place(turn, values, first, into, intoFirst);
        const expected = new Float32Array(into.length).fill(-1);
        placesOf(turn).forEach((to, from) => {
          const isGiven = from >= first && from < first + length;
          if (isGiven && to >= intoFirst) expected[to - intoFirst] = from;
        });
        expect(into).toEqual(expected);

        const all = Float32Array.from({ length: size }, (_, i) => i);
        const [there, back] = [new Float32Array(size), new Float32Array(size)];
        place(turn, all, 0, there, 0);
        place(turnedBack(turn), there, 0, back, 0);
        expect(back).toEqual(all);
      }),
    );
  });
});
