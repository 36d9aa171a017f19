import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KernelNorms } from "../../../../protocol/reinit/kernel-norms.ts";

const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/**
 * Largest singular value by one-sided Jacobi (Hestenes 1958): columns of the matrix itself are turned
 * until they are orthogonal. It never forms a Gram matrix, so it shares neither arithmetic nor error
 * with the method under test.
 */
function referenceNorm(kernel: readonly number[], taps: number): number {
  const rows = kernel.length / taps;
  const columns = Array.from({ length: taps }, (_, t) =>
    Array.from({ length: rows }, (_row, i) => kernel[i * taps + t]!),
  );
  for (let sweep = 0; sweep < 40; sweep++) {
    for (let p = 0; p < taps; p++) {
      for (let q = p + 1; q < taps; q++) {
        const [a, b] = [columns[p]!, columns[q]!];
        const common = dot(a, b);
        if (common === 0) continue;
        const angle = Math.atan2(2 * common, dot(a, a) - dot(b, b)) / 2;
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        columns[p] = a.map((value, i) => c * value + s * b[i]!);
        columns[q] = b.map((value, i) => c * value - s * a[i]!);
      }
    }
  }
  return Math.max(...columns.map((column) => Math.hypot(...column)));
}

const norms = (shape: readonly number[], values: Float32Array): readonly number[] => {
  const kernels = new KernelNorms(shape);
  kernels.add(values);
  return kernels.norms;
};

const size = fc.double({ min: -1, max: 1, noNaN: true });
const scale = fc.constantFrom(1, 1e-18, 1e15, 3e-3);
const kernel = fc
  .tuple(fc.constantFrom(1, 2, 3), fc.integer({ min: 1, max: 12 }), scale)
  .chain(([edge, rows, factor]) =>
    fc
      .array(size, { minLength: 2 * rows * edge * edge, maxLength: 2 * rows * edge * edge })
      .map((values) => ({
        shape: [2, rows, edge, edge],
        values: Float32Array.from(values, (value) => value * factor),
      })),
  );

describe("KernelNorms", () => {
  it("[I9.1] gives the largest singular value of each channel's kernel", () => {
    fc.assert(
      fc.property(kernel, ({ shape, values }) => {
        const taps = shape[2]! * shape[3]!;
        const half = values.length / 2;
        const expected = [values.subarray(0, half), values.subarray(half)].map((channel) =>
          referenceNorm([...channel], taps),
        );
        for (const [channel, norm] of norms(shape, values).entries()) {
          expect(Math.abs(norm - expected[channel]!)).toBeLessThanOrEqual(
            1e-14 * expected[channel]!,
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  it("[I9.1] does so for a kernel of 7×7", () => {
    const values = Float32Array.from({ length: 3 * 49 }, (_, i) => Math.sin(i * i + 1));
    const expected = referenceNorm([...values], 49);
    expect(Math.abs(norms([1, 3, 7, 7], values)[0]! - expected)).toBeLessThan(1e-14 * expected);
  });

  it("[I9.1] does so where power iteration would not: equal largest singular values, rank 1, zero", () => {
    // Rows are multiples of unit vectors, two of them of one size.
    const equal = new Float32Array(4 * 9);
    for (const [row, value] of [3, 2, 3, 1].entries()) equal[row * 9 + row] = value;
    expect(norms([1, 4, 3, 3], equal)).toEqual([3]);
    const rankOne = Float32Array.from({ length: 18 }, (_, i) => (i < 9 ? 1 : -2));
    expect(norms([1, 2, 3, 3], rankOne)[0]).toBeCloseTo(Math.sqrt(45), 13);
    expect(norms([2, 2, 3, 3], new Float32Array(36))).toEqual([0, 0]);
  });

  it("[I9.1] gives the same bits however rows are cut into pieces", () => {
    const shape = [3, 5, 3, 3];
    const values = Float32Array.from({ length: 3 * 5 * 9 }, (_, i) => Math.cos(3 * i));
    const whole = norms(shape, values);
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 14 }), { maxLength: 8 });
    fc.assert(
      fc.property(cuts, (rows) => {
        const kernels = new KernelNorms(shape);
        const ends = [...rows.toSorted((a, b) => a - b), 15];
        let start = 0;
        for (const end of ends) {
          kernels.add(values.subarray(9 * start, 9 * end));
          start = end;
        }
        expect(kernels.norms).toEqual(whole);
      }),
      { numRuns: 30 },
    );
    expect(() => new KernelNorms(shape).add(values.subarray(0, 10))).toThrow(/whole rows/);
  });
});
