import type { Operand } from "../operands.ts";
import type { KernelDescription } from "./kernel.ts";

/** Matrices of one shape in memory, outer ones by inner ones; all pitches in values. */
export interface MatrixStack {
  readonly values: Operand;
  /** From one matrix to the next, along either axis of the stack. */
  readonly outer: number;
  readonly inner: number;
  /** From one row, one column to the next; one of them is 1. */
  readonly row: number;
  readonly column: number;
}

/**
 * c = factor·a·b for every matrix of a stack: of images by heads. A transposed matrix has its pitches
 * changed over.
 */
export interface ProductKernel {
  readonly kind: "product";
  /** For people: what it does. */
  readonly label: string;
  /** How many matrices there are, along either axis of the stack. */
  readonly outer: number;
  readonly inner: number;
  readonly rows: number;
  readonly columns: number;
  /** Columns of a, rows of b. */
  readonly depth: number;
  readonly factor: number;
  readonly a: MatrixStack;
  readonly b: MatrixStack;
  /** Its columns lie next to each other. */
  readonly c: MatrixStack;
}

export const product: KernelDescription<ProductKernel> = {
  access: ({ a, b, c }) => ({
    reads: [...new Set([a.values, b.values])],
    writes: [c.values],
    inPlace: [],
  }),
  flops: ({ outer, inner, rows, columns, depth }) => 2 * outer * inner * rows * columns * depth,
  shapes: ({ label, outer, inner, rows, columns, depth }) =>
    `${label} [${outer},${inner}] of [${rows},${depth}]·[${depth},${columns}]`,
};
