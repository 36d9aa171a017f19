import { float16ToNumber, numberToFloat16 } from "../half-precision.ts";
import { beyond, type Codec } from "./codec.ts";

/** Largest finite binary16. */
const LARGEST = 65504;

/** IEEE 754 binary16, rounded to nearest, ties to even: relative error at most 2⁻¹¹ down to 2⁻¹⁴. */
export const f16Codec: Codec = {
  id: 2,
  blockSizeLog2: 0,
  payloadBytes: (count) => 2 * count,

  encode(values, payload, _random, refuse) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (!Number.isFinite(value)) throw refuse(i, `is ${value}`);
      if (Math.abs(value) > LARGEST) {
        throw refuse(i, `is ${value}, beyond ±${LARGEST} that f16 can hold: send it as f32`);
      }
      payload.setUint16(2 * i, numberToFloat16(value), true);
    }
  },

  check(payload, count, refuse, largest) {
    for (let i = 0; i < count; i++) {
      const value = float16ToNumber(payload.getUint16(2 * i, true));
      if (!Number.isFinite(value)) throw refuse(i, `is ${value}`);
      if (Math.abs(value) > largest) throw refuse(i, beyond(value, largest));
    }
  },

  decode(payload, _count, from, out) {
    for (let i = 0; i < out.length; i++) {
      out[i] = float16ToNumber(payload.getUint16(2 * (from + i), true));
    }
  },

  accumulate(payload, weight, sum) {
    for (let i = 0; i < sum.length; i++) {
      sum[i]! += weight * float16ToNumber(payload.getUint16(2 * i, true));
    }
  },
};
