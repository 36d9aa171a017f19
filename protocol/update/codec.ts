import type { ProtocolError } from "../errors.ts";
import type { UniformSource } from "../random/uniform-source.ts";

/** Makes the error for a value that cannot be: its index in the slice, and what is wrong with it. */
export type RefuseValue = (index: number, why: string) => ProtocolError;

/** A way to write the float32 values of a slice as bytes. Payloads are little-endian throughout. */
export interface Codec {
  /** Number in the frame header. */
  readonly id: number;
  /** log₂ of the values that share a scale; 0 when every value stands alone. */
  readonly blockSizeLog2: number;
  /** Exact payload length for `count` values. */
  payloadBytes(count: number): number;
  /**
   * Writes `values` to `payload`, which has `payloadBytes(values.length)` bytes.
   *
   * @throws what `refuse` makes, for a value the codec cannot carry.
   */
  encode(values: Float32Array, payload: DataView, random: UniformSource, refuse: RefuseValue): void;
  /**
   * Throws what `refuse` makes for the first value that no encoder writes, or whose magnitude may be
   * above `largest`: where values share a scale, by the scale alone.
   */
  check(payload: DataView, count: number, refuse: RefuseValue, largest: number): void;
  /**
   * Writes the decoded values [from, from + out.length) to `out`; `payload` has passed `check`.
   *
   * @param count values of the whole payload
   */
  decode(payload: DataView, count: number, from: number, out: Float32Array): void;
  /** Adds weight · value to each element of `sum`, the values exactly those that `decode` gives. */
  accumulate(payload: DataView, weight: number, sum: Float64Array): void;
}

/** What is wrong with a value beyond a bound. */
export function beyond(value: number, largest: number): string {
  return `is ${value}, beyond ±${largest}, which no training gives: train again from the round's student`;
}
