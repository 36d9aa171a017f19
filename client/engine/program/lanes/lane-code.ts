/**
 * Code of a stack machine on four lanes of float32 (WebAssembly's; `FunctionWriter` writes it): for
 * what the tables of a program say in the words of a machine.
 */
export interface LaneCode {
  /** A constant in every lane. */
  splat(value: number): this;
  addFloats(): this;
  subtractFloats(): this;
  multiplyFloats(): this;
  divideFloats(): this;
  absoluteFloats(): this;
  /** Of two, the smaller; not a number where either is none. */
  minFloats(): this;
  /** Of two, the larger; not a number where either is none. */
  maxFloats(): this;
  /** All bits of the lanes where the first of two is greater, none of the others. */
  greaterFloats(): this;
  andBits(): this;
  orBits(): this;
  /** Of three, the bits of the first where the third has ones, of the second where it has zeros. */
  selectBits(): this;
  /** a·b + c, with one rounding where the machine can. */
  multiplyAddTo(a: () => void, b: () => void, c: () => void): this;
  /** The nearest whole number, of two the even one. */
  roundFloats(): this;
  /** Whole float32 to int32; beyond its range the nearest that there is. */
  toIntegers(): this;
  /** A whole number in every lane. */
  splatInteger(value: number): this;
  addIntegers(): this;
  subtractIntegers(): this;
  shiftLeft(bits: number): this;
  /** The sign stays. */
  shiftRight(bits: number): this;
  /** Takes what lies on the stack; `use` can put it there, as often as it likes, while it writes. */
  keep(use: (value: () => void) => void): this;
}
