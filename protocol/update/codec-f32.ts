import { beyond, type Codec } from "./codec.ts";

/** IEEE 754 binary32 as it is: lossless. */
export const f32Codec: Codec = {
  id: 1,
  blockSizeLog2: 0,
  payloadBytes: (count) => 4 * count,

  encode(values, payload, _random, refuse) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (!Number.isFinite(value)) throw refuse(i, `is ${value}`);
      payload.setFloat32(4 * i, value, true);
    }
  },

  check(payload, count, refuse, largest) {
    for (let i = 0; i < count; i++) {
      const value = payload.getFloat32(4 * i, true);
      if (!Number.isFinite(value)) throw refuse(i, `is ${value}`);
      if (Math.abs(value) > largest) throw refuse(i, beyond(value, largest));
    }
  },

  decode(payload, _count, from, out) {
    for (let i = 0; i < out.length; i++) out[i] = payload.getFloat32(4 * (from + i), true);
  },

  accumulate(payload, weight, sum) {
    for (let i = 0; i < sum.length; i++) sum[i]! += weight * payload.getFloat32(4 * i, true);
  },
};
