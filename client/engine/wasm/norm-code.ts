import type { FunctionWriter, Local } from "./assembler.ts";
import { unrolling } from "./convolution-code.ts";

/**
 * Passes over row-major `[rows, channels]` memory, channels in whole fours: the generated forms of
 * the loops in tfjs/host-norm.ts. Sums are in float64, as there.
 */

const FLOAT = 4;
const DOUBLE = 8;
const VECTOR = 16;
const LANES = 4;

/** Float64 sums of four channels: two of the values, two of the products. */
interface ChannelSums {
  readonly values: readonly [Local, Local];
  readonly products: readonly [Local, Local];
}

/**
 * Writes: sums[c] += Σ g, sums[channels + c] += Σ g·x, over rows.
 *
 * Arguments: g, x, mask, sums (float64 `[2, channels]`), rows. With `masked`, g becomes zero where
 * mask ≤ 0 first. With `square`, x is not read: g stands for it too.
 */
export function writeChannelSums(
  writer: FunctionWriter,
  channels: number,
  { masked, square }: { readonly masked: boolean; readonly square: boolean },
): void {
  const [g, x, mask, sums, rows] = writer.parameters as [Local, Local, Local, Local, Local];
  const vectors = channels / LANES;
  // Two vectors' sums are eight registers.
  const width = vectors % 2 === 0 ? 2 : 1;
  const groups: ChannelSums[] = Array.from({ length: width }, () => ({
    values: [writer.vector(), writer.vector()],
    products: [writer.vector(), writer.vector()],
  }));
  const value = writer.vector();
  const other = square ? value : writer.vector();
  const wide = writer.vector();
  const at = { g: writer.integer(), x: writer.integer(), mask: writer.integer() };

  const eachSum = (visit: (sum: Local, byteOffset: number) => void): void => {
    groups.forEach(({ values, products }, v) => {
      for (const half of [0, 1] as const) {
        const offset = (v * LANES + 2 * half) * DOUBLE;
        visit(values[half], offset);
        visit(products[half], channels * DOUBLE + offset);
      }
    });
  };

  writer.repeat(vectors / width, () => {
    eachSum((sum, offset) => writer.loadVector(sums, offset).set(sum));
    writer.offset(at.g, g, 0).offset(at.x, x, 0).offset(at.mask, mask, 0);
    writer.repeatVariable(rows, () => {
      groups.forEach(({ values, products }, v) => {
        const offset = v * VECTOR;
        writer.loadVector(at.g, offset).set(value);
        if (masked) {
          writer.keepWherePositive(
            () => writer.get(value),
            () => writer.loadVector(at.mask, offset),
          );
          writer.set(value).storeVector(at.g, offset, () => writer.get(value));
        }
        if (!square) writer.loadVector(at.x, offset).set(other);
        for (const half of [0, 1] as const) {
          writer.widen(value, half).set(wide);
          writer.get(values[half]).get(wide).addDoubles().set(values[half]);
          writer.get(wide);
          if (square) writer.get(wide);
          else writer.widen(other, half);
          writer.multiplyDoubles().get(products[half]).addDoubles().set(products[half]);
        }
      });
      for (const pointer of [at.g, at.x, at.mask]) writer.advance(pointer, channels * FLOAT);
    });
    eachSum((sum, offset) => writer.storeVector(sums, offset, () => writer.get(sum)));
    for (const pointer of [g, x, mask]) writer.advance(pointer, width * VECTOR);
    writer.advance(sums, width * LANES * DOUBLE);
  });
}

/**
 * Writes: out = first·a + second + shift per channel, rectified if asked, over rows; `second` is an
 * addend, or with `combine` is multiplied by b. Without `second` it is left out.
 *
 * Arguments: first, second, a, b, shift, out, rows; `out` may be an input.
 */
export function writeChannelAffine(
  writer: FunctionWriter,
  channels: number,
  { second, relu }: { readonly second: "none" | "add" | "combine"; readonly relu: boolean },
): void {
  const [first, other, a, b, shift, out, rows] = writer.parameters as [
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
  ];
  const vectors = channels / LANES;
  const steps = unrolling(vectors);
  const sum = writer.vector();
  const at = { a: writer.integer(), b: writer.integer(), shift: writer.integer() };

  writer.repeatVariable(rows, () => {
    writer.offset(at.a, a, 0).offset(at.b, b, 0).offset(at.shift, shift, 0);
    writer.repeat(vectors / steps, () => {
      for (let step = 0; step < steps; step++) {
        const offset = step * VECTOR;
        writer.multiplyAddTo(
          () => writer.loadVector(first, offset),
          () => writer.loadVector(at.a, offset),
          () => writer.loadVector(at.shift, offset),
        );
        writer.set(sum);
        if (second === "add") {
          writer.get(sum).loadVector(other, offset).addFloats().set(sum);
        } else if (second === "combine") {
          writer.multiplyAdd(
            sum,
            () => writer.loadVector(other, offset),
            () => writer.loadVector(at.b, offset),
          );
        }
        writer.storeVector(out, offset, () => {
          writer.get(sum);
          if (relu) writer.rectify();
        });
      }
      for (const pointer of [first, other, out, at.a, at.b, at.shift]) {
        writer.advance(pointer, steps * VECTOR);
      }
    });
  });
}

/** Writes: a ← a + b, rectified if asked. Arguments: a, b, number of vectors. */
export function writeAddition(writer: FunctionWriter, relu: boolean): void {
  const [a, b, vectors] = writer.parameters as [Local, Local, Local];
  writer.repeatVariable(vectors, () => {
    writer.storeVector(a, 0, () => {
      writer.loadVector(a, 0).loadVector(b, 0).addFloats();
      if (relu) writer.rectify();
    });
    writer.advance(a, VECTOR).advance(b, VECTOR);
  });
}

/**
 * Writes the interleaving of phases: `[rows, columns, stride, run]` → `[rows, stride, columns, run]`
 * with runs of whole vectors. Arguments: from, to, rows (of all images).
 */
export function writeInterleave(
  writer: FunctionWriter,
  columns: number,
  stride: number,
  run: number,
): void {
  const [from, to, rows] = writer.parameters as [Local, Local, Local];
  const steps = unrolling(run / LANES);
  const source = writer.integer();
  const start = writer.integer();
  writer.repeatVariable(rows, () => {
    writer.offset(start, from, 0);
    writer.repeat(stride, () => {
      writer.offset(source, start, 0);
      writer.repeat(columns, () => {
        writer.repeat(run / LANES / steps, () => {
          for (let step = 0; step < steps; step++) {
            const offset = step * VECTOR;
            writer.storeVector(to, offset, () => writer.loadVector(source, offset));
          }
          writer.advance(source, steps * VECTOR).advance(to, steps * VECTOR);
        });
        writer.advance(source, (stride - 1) * run * FLOAT);
      });
      writer.advance(start, run * FLOAT);
    });
    writer.advance(from, columns * stride * run * FLOAT);
  });
}
