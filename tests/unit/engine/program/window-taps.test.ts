import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  forwardWalk,
  gradientWalk,
  placesRead,
  tapsOf,
  type AxisWalk,
  type WindowAxis,
} from "../../../../client/engine/program/kernels/window-taps.ts";

const axes = fc
  .record({
    input: fc.integer({ min: 1, max: 12 }),
    kernel: fc.integer({ min: 1, max: 7 }),
    stride: fc.integer({ min: 1, max: 4 }),
    dilation: fc.integer({ min: 1, max: 3 }),
    before: fc.integer({ min: 0, max: 6 }),
    after: fc.integer({ min: 0, max: 6 }),
  })
  .map(({ input, kernel, stride, dilation, before, after }): WindowAxis => {
    const room = input + before + after - dilation * (kernel - 1) - 1;
    const output = Math.floor(room / stride) + 1;
    return { input, output, kernel, stride, dilation, before };
  })
  .filter(({ output }) => output > 0);

/** `result source tap` of every product, results one by one or so many at once. */
function productsOf(walk: AxisWalk, periods: number): string[] {
  const { results, period, advance, source, first, last } = walk;
  const products: string[] = [];
  for (let start = 0; start < results; start += periods * period) {
    const count = Math.min(periods * period, results - start);
    const begin = (start / period) * advance;
    tapsOf(walk, count).forEach((taps, result) => {
      for (const { from, tap } of taps) {
        expect(from).toBeGreaterThanOrEqual(first);
        expect(from - first).toBeLessThan(placesRead(walk, count));
        const place = begin + from;
        if (place >= 0 && place < source) products.push(`${start + result} ${place} ${tap}`);
      }
    });
    expect(last).toBeGreaterThanOrEqual(first);
  }
  return products;
}

/** By definition: an output reads `output·stride − before + tap·dilation`. */
function productsByDefinition(axis: WindowAxis): { output: number; input: number; tap: number }[] {
  const products = [];
  for (let output = 0; output < axis.output; output++) {
    for (let tap = 0; tap < axis.kernel; tap++) {
      const input = output * axis.stride - axis.before + tap * axis.dilation;
      if (input >= 0 && input < axis.input) products.push({ output, input, tap });
    }
  }
  return products;
}

describe("what a sliding window reads along an axis", () => {
  const periods = fc.integer({ min: 1, max: 5 });

  it("is, for outputs, what the definition says", () => {
    fc.assert(
      fc.property(axes, periods, (axis, together) => {
        const expected = productsByDefinition(axis).map((p) => `${p.output} ${p.input} ${p.tap}`);
        expect(productsOf(forwardWalk(axis), together).toSorted()).toEqual(expected.toSorted());
      }),
    );
  });

  it("is, for gradients of inputs, the same read the other way", () => {
    fc.assert(
      fc.property(axes, periods, (axis, together) => {
        const expected = productsByDefinition(axis).map((p) => `${p.input} ${p.output} ${p.tap}`);
        expect(productsOf(gradientWalk(axis), together).toSorted()).toEqual(expected.toSorted());
      }),
    );
  });
});
