import type { MatrixStack, ProductKernel } from "../../../client/engine/program/kernels/product.ts";
import { SeededValues } from "./numerics/seeded-values.ts";

/** Products of stacks of matrices, and what they are by their definition. */
export interface ProductCase {
  readonly title: string;
  readonly kernel: ProductKernel;
  /** Of the arena, in which everything lies. */
  readonly length: number;
}

interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly inner: number;
}

const OUTER = 2;

/** Rows of whole vectors, or as long as they are. */
function pitchOf(length: number, wide: boolean): number {
  return wide ? 4 * Math.ceil(length / 4) : length;
}

function productCase(
  title: string,
  { rows, columns, depth, inner }: Shape,
  [turnsA, turnsB, wide]: readonly [boolean, boolean, boolean],
): ProductCase {
  let end = 0;
  const place = (height: number, width: number, turned: boolean): MatrixStack => {
    const pitch = pitchOf(turned ? height : width, wide);
    const each = pitch * (turned ? width : height);
    const length = OUTER * inner * each;
    const values = { region: "arena", offset: end, length } as const;
    end += 4 * Math.ceil(length / 4);
    const pitches = turned ? { row: 1, column: pitch } : { row: pitch, column: 1 };
    return { values, outer: inner * each, inner: each, ...pitches };
  };
  const [a, b, c] = [
    place(rows, depth, turnsA),
    place(depth, columns, turnsB),
    place(rows, columns, false),
  ];
  const stack = { outer: OUTER, inner };
  const kernel: ProductKernel = {
    kind: "product",
    label: title,
    ...stack,
    rows,
    columns,
    depth,
    factor: 0.7,
    a,
    b,
    c,
  };
  return { title, kernel, length: end };
}

/** Tiles full and ragged, either factor turned, by whole vectors and value by value. */
export const PRODUCTS: readonly ProductCase[] = [
  productCase("rows by columns", { rows: 37, columns: 41, depth: 10, inner: 3 }, [
    false,
    false,
    true,
  ]),
  productCase("with b turned", { rows: 37, columns: 41, depth: 12, inner: 3 }, [false, true, true]),
  productCase("with a turned", { rows: 41, columns: 8, depth: 37, inner: 2 }, [true, false, true]),
  productCase("value by value", { rows: 5, columns: 6, depth: 7, inner: 1 }, [true, true, false]),
  productCase("of single values", { rows: 1, columns: 1, depth: 1, inner: 2 }, [
    false,
    false,
    false,
  ]),
];

export function drawArena({ length }: ProductCase): Float32Array<ArrayBuffer> {
  const random = new SeededValues(length);
  return Float32Array.from({ length }, () => random.normal());
}

/** Values of c, matrix by matrix and row by row, by the definition and as the arena has them. */
export function valuesOfProduct(
  { kernel }: ProductCase,
  before: Float32Array,
  after: Float32Array,
): { readonly exact: Float64Array; readonly found: Float64Array } {
  const { outer, inner, rows, columns, depth, factor, a, b, c } = kernel;
  const exact: number[] = [];
  const found: number[] = [];
  for (let n = 0; n < outer; n++) {
    for (let h = 0; h < inner; h++) {
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          let sum = 0;
          for (let k = 0; k < depth; k++)
            sum += before[at(a, n, h, i, k)]! * before[at(b, n, h, k, j)]!;
          exact.push(factor * sum);
          found.push(after[at(c, n, h, i, j)]!);
        }
      }
    }
  }
  return { exact: Float64Array.from(exact), found: Float64Array.from(found) };
}

/** Where the arena has a value of the stack's matrix of an image and a head. */
function at(stack: MatrixStack, n: number, h: number, row: number, column: number): number {
  const { values, outer, inner } = stack;
  return values.offset + n * outer + h * inner + row * stack.row + column * stack.column;
}
