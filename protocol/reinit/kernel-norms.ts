import { largestEigenvalue } from "./largest-eigenvalue.ts";

/**
 * Spectral norms of successive output channels of a convolution: the largest singular value of each
 * channel's kernel as a matrix `[in/groups, kh·kw]` (CLP, Zheng et al., ECCV 2022, section 3.2).
 *
 * It takes rows of kh·kw values in order, in pieces of any size, and keeps one Gram matrix
 * `[kh·kw, kh·kw]` meanwhile, so a coordinator need not hold a layer or even a channel. How the rows
 * are cut into pieces does not change a bit: each value of the Gram matrix is a sum over rows in
 * ascending order, and a product of two float32 is exact in a double (SPEC I9).
 *
 * Forming the Gram matrix squares the condition number, which harms small singular values only: the
 * largest keeps a relative error of about half of (rows + n)·2⁻⁵³.
 */
export class KernelNorms {
  /** σ_max by channel, as far as channels are complete. */
  readonly norms: number[] = [];
  readonly #taps: number;
  readonly #rows: number;
  readonly #gram: Float64Array;
  #row = 0;

  /** @param shape of the convolution's weight, `[out, in/groups, kh, kw]` */
  constructor(shape: readonly number[]) {
    const [, rows, height, width] = shape as [number, number, number, number];
    this.#rows = rows;
    this.#taps = height * width;
    this.#gram = new Float64Array(this.#taps * this.#taps);
  }

  /** @param values whole rows, those that follow the last ones given */
  add(values: Float32Array): void {
    const taps = this.#taps;
    const gram = this.#gram;
    if (values.length % taps !== 0) {
      throw new RangeError(`${values.length} values are not whole rows of ${taps}`);
    }
    for (let start = 0; start < values.length; start += taps) {
      for (let p = 0; p < taps; p++) {
        const value = values[start + p]!;
        for (let q = p; q < taps; q++) {
          gram[p * taps + q] = gram[p * taps + q]! + value * values[start + q]!;
        }
      }
      this.#row++;
      if (this.#row === this.#rows) this.#closeChannel();
    }
  }

  #closeChannel(): void {
    const taps = this.#taps;
    const gram = this.#gram;
    for (let p = 0; p < taps; p++) {
      for (let q = 0; q < p; q++) gram[p * taps + q] = gram[q * taps + p]!;
    }
    this.norms.push(Math.sqrt(largestEigenvalue(gram, taps)));
    gram.fill(0);
    this.#row = 0;
  }
}
