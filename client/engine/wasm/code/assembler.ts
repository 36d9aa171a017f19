import type { LaneCode } from "../../program/lanes/lane-code.ts";
import { signed, unsigned } from "./leb128.ts";

/**
 * Writes functions of WebAssembly (`module-bytes.ts` makes modules of them): just what the kernels
 * here need, loops over linear memory with 128-bit vectors. Kernels are generated per shape, so that
 * every stride and trip count is a constant of the code.
 *
 * Opcodes: WebAssembly core specification 3.0, appendix A.7 (SIMD and relaxed SIMD included).
 */

/** The type of integers, parameters among them. */
export const I32 = 0x7f;
const V128 = 0x7b;
const VOID = 0x40;

/** A local variable of a function. */
export type Local = number & { readonly local: unique symbol };

/** One function, written instruction by instruction; parameters are 32-bit integers. */
export class FunctionWriter implements LaneCode {
  readonly parameters: readonly Local[];
  readonly #fused: boolean;
  readonly #locals: number[] = [];
  readonly #code: number[] = [];
  /** Variables that `keep` has done with. */
  readonly #free: Local[] = [];

  /** @param fused whether relaxed SIMD's fused multiply-add may be used. */
  constructor(parameters: number, fused: boolean) {
    this.parameters = Array.from({ length: parameters }, (_, i) => i as Local);
    this.#fused = fused;
  }

  integer(): Local {
    return this.#declare(I32);
  }

  vector(): Local {
    return this.#declare(V128);
  }

  get(local: Local): this {
    return this.#emit(0x20, ...unsigned(local));
  }

  set(local: Local): this {
    return this.#emit(0x21, ...unsigned(local));
  }

  constant(value: number): this {
    return this.#emit(0x41, ...signed(value));
  }

  /** local ← local + amount */
  advance(local: Local, amount: number): this {
    return amount === 0 ? this : this.get(local).constant(amount).#emit(0x6a).set(local);
  }

  /** target ← source + amount */
  offset(target: Local, source: Local, amount: number): this {
    return this.get(source).constant(amount).#emit(0x6a).set(target);
  }

  /** Runs `body` `count` times, at least once. */
  repeat(count: number, body: () => void): this {
    return this.#countdown(() => this.constant(count), body);
  }

  /** Like `repeat`, the count in a variable, which keeps its value. */
  repeatVariable(count: Local, body: () => void): this {
    return this.#countdown(() => this.get(count), body);
  }

  loadVector(address: Local, byteOffset: number): this {
    return this.get(address).#vector(0x00, 2, ...unsigned(byteOffset));
  }

  /** All four lanes ← the float32 there. */
  loadSplat(address: Local, byteOffset: number): this {
    return this.get(address).#vector(0x09, 2, ...unsigned(byteOffset));
  }

  storeVector(address: Local, byteOffset: number, value: () => void): this {
    this.get(address);
    value();
    return this.#vector(0x0b, 2, ...unsigned(byteOffset));
  }

  zeroVector(): this {
    return this.splat(0);
  }

  splat(value: number): this {
    const bytes = new Uint8Array(Float32Array.of(value, value, value, value).buffer);
    return this.#vector(0x0c, ...bytes);
  }

  addFloats(): this {
    return this.#vector(0xe4);
  }

  subtractFloats(): this {
    return this.#vector(0xe5);
  }

  divideFloats(): this {
    return this.#vector(0xe7);
  }

  rootFloats(): this {
    return this.#vector(0xe3);
  }

  multiplyFloats(): this {
    return this.#vector(0xe6);
  }

  /** The first lanes, 1 to 4, ← float32 that lie `stride` bytes apart; the others are 0. */
  loadStrided(address: Local, byteOffset: number, stride: number, lanes: number): this {
    for (let lane = 1; lane < lanes; lane++) this.get(address);
    this.get(address).#vector(0x5c, 2, ...unsigned(byteOffset));
    for (let lane = 1; lane < lanes; lane++) {
      this.#vector(0x56, 2, ...unsigned(byteOffset + lane * stride), lane);
    }
    return this;
  }

  /** Stores the first lanes of a vector, 1 to 4, and nothing beyond them. */
  storeLanes(address: Local, byteOffset: number, value: Local, lanes: number): this {
    if (lanes === 4) return this.storeVector(address, byteOffset, () => this.get(value));
    if (lanes >= 2) {
      this.get(address).get(value);
      this.#vector(0x5b, 3, ...unsigned(byteOffset), 0);
    }
    if (lanes % 2 === 0) return this;
    const lane = lanes - 1;
    this.get(address).get(value);
    return this.#vector(0x5a, 2, ...unsigned(byteOffset + lane * 4), lane);
  }

  /** Zeroes `bytes` bytes from address + byteOffset on. */
  clear(address: Local, byteOffset: number, bytes: number): this {
    if (bytes === 0) return this;
    if (bytes <= 256 && bytes % 16 === 0) {
      for (let at = 0; at < bytes; at += 16) {
        this.storeVector(address, byteOffset + at, () => this.zeroVector());
      }
      return this;
    }
    this.get(address).constant(byteOffset).#emit(0x6a);
    return this.constant(0).constant(bytes).#emit(0xfc, 0x0b, 0x00);
  }

  /** Copies `bytes` bytes from `source` to target + byteOffset. */
  copy(target: Local, byteOffset: number, source: Local, bytes: number): this {
    this.get(target).constant(byteOffset).#emit(0x6a);
    return this.get(source).constant(bytes).#emit(0xfc, 0x0a, 0x00, 0x00);
  }

  /** local ← local + other */
  addInteger(local: Local, other: Local): this {
    return this.get(local).get(other).#emit(0x6a).set(local);
  }

  absoluteFloats(): this {
    return this.#vector(0xe0);
  }

  minFloats(): this {
    return this.#vector(0xea);
  }

  maxFloats(): this {
    return this.#vector(0xeb);
  }

  equalFloats(): this {
    return this.#vector(0x41);
  }

  greaterFloats(): this {
    return this.#vector(0x44);
  }

  andBits(): this {
    return this.#vector(0x4e);
  }

  orBits(): this {
    return this.#vector(0x50);
  }

  /** Of the first of two the bits that a third has, of the second the others. */
  selectBits(): this {
    return this.#vector(0x52);
  }

  roundFloats(): this {
    return this.#vector(0x6a);
  }

  toIntegers(): this {
    return this.#vector(0xf8);
  }

  splatInteger(value: number): this {
    const bytes = new Uint8Array(Int32Array.of(value, value, value, value).buffer);
    return this.#vector(0x0c, ...bytes);
  }

  addIntegers(): this {
    return this.#vector(0xae);
  }

  subtractIntegers(): this {
    return this.#vector(0xb1);
  }

  shiftLeft(bits: number): this {
    return this.constant(bits).#vector(0xab);
  }

  shiftRight(bits: number): this {
    return this.constant(bits).#vector(0xac);
  }

  keep(use: (value: () => void) => void): this {
    const local = this.#free.pop() ?? this.vector();
    this.set(local);
    use(() => this.get(local));
    this.#free.push(local);
    return this;
  }

  /** All bits of the first lanes, none of the others. */
  laneMask(lanes: number): this {
    const bytes = new Uint8Array(Int32Array.from([0, 1, 2, 3], (i) => (i < lanes ? -1 : 0)).buffer);
    return this.#vector(0x0c, ...bytes);
  }

  /** A float32 each. */
  lanes(values: readonly [number, number, number, number]): this {
    return this.#vector(0x0c, ...new Uint8Array(Float32Array.from(values).buffer));
  }

  /** Every lane ← a whole number. */
  splatNumber(number: Local): this {
    return this.get(number).#vector(0x11).#vector(0xfa);
  }

  /** The lanes of a vector, each in the place of the one so many before it, around the end. */
  rotatedLanes(value: Local, places: 1 | 2): this {
    const bytes = Array.from({ length: 16 }, (_, i) => (i + 4 * places) % 16);
    return this.get(value).get(value).#vector(0x0d, ...bytes);
  }

  addScalars(): this {
    return this.#emit(0x6a);
  }

  multiplyScalars(): this {
    return this.#emit(0x6c);
  }

  /** Of two that are not negative, rounded down. */
  divideScalars(): this {
    return this.#emit(0x6e);
  }

  /** Whether the first of two is less, both without sign: what is negative is not. */
  isBelow(): this {
    return this.#emit(0x49);
  }

  andScalars(): this {
    return this.#emit(0x71);
  }

  /** Runs `then` if what lies on the stack is not 0. */
  runIf(then: () => void): this {
    this.#emit(0x04, VOID);
    then();
    return this.#emit(0x0b);
  }

  /** Runs `then` if what lies on the stack is not 0, else `otherwise`. */
  runEither(then: () => void, otherwise: () => void): this {
    this.#emit(0x04, VOID);
    then();
    this.#emit(0x05);
    otherwise();
    return this.#emit(0x0b);
  }

  /** The vector that `then` puts on the stack, or `otherwise` if what lies there is 0. */
  vectorIf(then: () => void, otherwise: () => void): this {
    this.#emit(0x04, V128);
    then();
    this.#emit(0x05);
    otherwise();
    return this.#emit(0x0b);
  }

  /** accumulator ← accumulator + a·b */
  multiplyAdd(accumulator: Local, a: () => void, b: () => void): this {
    a();
    b();
    if (this.#fused) this.get(accumulator).#vector(0x105);
    else this.#vector(0xe6).get(accumulator).addFloats();
    return this.set(accumulator);
  }

  /** a·b + c */
  multiplyAddTo(a: () => void, b: () => void, c: () => void): this {
    a();
    b();
    if (!this.#fused) this.#vector(0xe6);
    c();
    return this.#fused ? this.#vector(0x105) : this.addFloats();
  }

  /** Two float64 from the lower (0) or upper (1) two float32 lanes. */
  widen(value: Local, half: 0 | 1): this {
    this.get(value);
    if (half === 1) {
      const upper = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15];
      this.get(value).#vector(0x0d, ...upper);
    }
    return this.#vector(0x5f);
  }

  addDoubles(): this {
    return this.#vector(0xf0);
  }

  multiplyDoubles(): this {
    return this.#vector(0xf2);
  }

  /** The function's body as the code section holds it. */
  bytes(): number[] {
    const groups = this.#locals.map((type) => [1, type]);
    const body = [...unsigned(groups.length), ...groups.flat(), ...this.#code, 0x0b];
    return [...unsigned(body.length), ...body];
  }

  #declare(type: number): Local {
    this.#locals.push(type);
    return (this.parameters.length + this.#locals.length - 1) as Local;
  }

  #countdown(start: () => unknown, body: () => void): this {
    const left = this.integer();
    start();
    this.set(left);
    this.#emit(0x03, VOID);
    body();
    this.advance(left, -1).get(left);
    return this.#emit(0x0d, 0, 0x0b);
  }

  #vector(opcode: number, ...immediates: number[]): this {
    return this.#emit(0xfd, ...unsigned(opcode), ...immediates);
  }

  #emit(...bytes: number[]): this {
    for (const byte of bytes) this.#code.push(byte);
    return this;
  }
}
