import fc from "fast-check";
import { expect, it } from "vitest";
import { residueTaps, tapSteps } from "../../../../client/engine/program/kernels/residue-taps.ts";

const small = fc.integer({ min: 1, max: 6 });

it("taps of a residue are those that see its positions from whole output positions", () => {
  fc.assert(
    fc.property(small, small, small, fc.nat(5), (kernel, stride, dilation, drawn) => {
      const residue = drawn % stride;
      const { first, taps } = residueTaps(residue, kernel, stride, dilation);
      const { step, spread } = tapSteps(stride, dilation);
      const found = Array.from({ length: taps }, (_, i) => first + i * step);
      const expected = Array.from({ length: kernel }, (_, tap) => tap).filter(
        (tap) => (residue - tap * dilation) % stride === 0,
      );
      expect(found).toEqual(expected);
      // Of each the position that it sees from comes `spread` before that of the one before it.
      expect(step * dilation).toBe(spread * stride);
    }),
  );
});
