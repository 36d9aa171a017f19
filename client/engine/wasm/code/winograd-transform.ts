import type { FunctionWriter, Local } from "./assembler.ts";

/**
 * The transforms of Winograd's convolution F(2×2, 3×3): y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A for a tile d of
 * 4×4 inputs, a filter g of 3×3 and 2×2 outputs y: 16 products in place of 36. Lavin and Gray 2016,
 * "Fast Algorithms for Convolutional Neural Networks", section 4.1.
 *
 * As y is bilinear in g and d, its gradient by g is Gᵀ[(A dy Aᵀ) ⊙ (Bᵀ d B)]G.
 */
export type Matrix = readonly (readonly (0 | 1 | -1 | 0.5 | -0.5)[])[];

/** Bᵀ */
export const INPUT: Matrix = [
  [1, 0, -1, 0],
  [0, 1, 1, 0],
  [0, -1, 1, 0],
  [0, 1, 0, -1],
];

/** G */
export const FILTER: Matrix = [
  [1, 0, 0],
  [0.5, 0.5, 0.5],
  [0.5, -0.5, 0.5],
  [0, 0, 1],
];

/** Aᵀ */
export const OUTPUT: Matrix = [
  [1, 1, 1, 0],
  [0, 1, -1, -1],
];

/** A: an output's gradient back to the products. */
export const OUTPUT_GRADIENT = transposed(OUTPUT);

/** Gᵀ: the products' gradient back to the filter. */
export const FILTER_GRADIENT = transposed(FILTER);

/** Extent of an input tile and of an output tile, and the products of a tile. */
export const TILE_IN = 4;
export const TILE_OUT = 2;
export const PRODUCTS = TILE_IN * TILE_IN;

function transposed(matrix: Matrix): Matrix {
  return matrix[0]!.map((_, column) => matrix.map((row) => row[column]!));
}

/** Writes M x Mᵀ for a square x of vectors. */
export class SquareTransform {
  readonly #writer: FunctionWriter;
  readonly #matrix: Matrix;
  /** Rows of x that are used several times, by their index: they are kept in registers. */
  readonly #kept: ReadonlyMap<number, readonly Local[]>;
  /** A row of M x. */
  readonly #row: readonly Local[];

  constructor(writer: FunctionWriter, matrix: Matrix) {
    this.#writer = writer;
    this.#matrix = matrix;
    const indices = matrix[0]!.map((_, index) => index);
    const registers = (): Local[] => indices.map(() => writer.vector());
    const uses = (index: number): number => matrix.filter((row) => row[index] !== 0).length;
    const kept = indices.filter((index) => uses(index) > 1);
    this.#kept = new Map(kept.map((index) => [index, registers()]));
    this.#row = registers();
  }

  /**
   * @param load puts a vector of x on the stack
   * @param store takes a vector of the result, which `value` puts on the stack
   */
  write(
    load: (row: number, column: number) => void,
    store: (row: number, column: number, value: () => void) => void,
  ): void {
    const writer = this.#writer;
    for (const [row, registers] of this.#kept) {
      registers.forEach((register, column) => {
        load(row, column);
        writer.set(register);
      });
    }
    this.#matrix.forEach((left, row) => {
      this.#row.forEach((register, column) => {
        this.#combine(left, (index) => {
          const kept = this.#kept.get(index);
          if (kept) writer.get(kept[column]!);
          else load(index, column);
        });
        writer.set(register);
      });
      this.#matrix.forEach((right, column) => {
        store(row, column, () => {
          this.#combine(right, (index) => writer.get(this.#row[index]!));
        });
      });
    });
  }

  /** Σ coefficient · value, those of one size together. */
  #combine(coefficients: Matrix[number], value: (index: number) => void): void {
    const writer = this.#writer;
    let sums = 0;
    for (const size of [1, 0.5]) {
      const signed = (sign: number): number[] =>
        coefficients.flatMap((coefficient, index) => (coefficient === sign * size ? [index] : []));
      const [added, subtracted] = [signed(1), signed(-1)];
      if (added.length + subtracted.length === 0) continue;
      if (added.length === 0) writer.zeroVector();
      added.forEach((index, i) => {
        value(index);
        if (i > 0) writer.addFloats();
      });
      for (const index of subtracted) {
        value(index);
        writer.subtractFloats();
      }
      if (size !== 1) writer.splat(size).multiplyFloats();
      if (sums++ > 0) writer.addFloats();
    }
  }
}
