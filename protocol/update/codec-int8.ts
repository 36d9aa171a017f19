import { beyond, type Codec } from "./codec.ts";

const BLOCK_LOG2 = 8;
const BLOCK = 1 << BLOCK_LOG2;
const LEVELS = 127;

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/** The smallest float32 with 127·scale ≥ `largest`, so that no quotient leaves ±127. */
function scaleFor(largest: number): number {
  FLOAT[0] = largest / LEVELS;
  // 7 + 24 bits: the product is exact, and so is the comparison.
  if (FLOAT[0] * LEVELS < largest) BITS[0]!++;
  return FLOAT[0];
}

function isCarriable(scale: number): boolean {
  return Number.isFinite(Math.fround(scale * LEVELS));
}

/**
 * Blocks of 256 values as whole multiples −127…127 of one float32 scale, rounded stochastically:
 * q = ⌊x/scale + u⌋ with u uniform in [0, 1), so that the expected value of q·scale is x (QSGD,
 * Alistarh et al. 2017). All scales come first, then one signed byte a value; the error of a value
 * is below its block's scale.
 */
export const int8Codec: Codec = {
  id: 3,
  blockSizeLog2: BLOCK_LOG2,
  payloadBytes: (count) => 4 * Math.ceil(count / BLOCK) + count,

  encode(values, payload, random, refuse) {
    const blocks = Math.ceil(values.length / BLOCK);
    for (let block = 0; block < blocks; block++) {
      const from = block * BLOCK;
      const to = Math.min(from + BLOCK, values.length);
      let largest = 0;
      let position = from;
      for (let i = from; i < to; i++) {
        const magnitude = Math.abs(values[i]!);
        if (!(magnitude < Infinity)) throw refuse(i, `is ${values[i]}`);
        if (magnitude > largest) {
          largest = magnitude;
          position = i;
        }
      }
      const scale = scaleFor(largest);
      if (!isCarriable(scale)) {
        throw refuse(position, `is ${values[position]}, too large for int8: send it as f32`);
      }
      payload.setFloat32(4 * block, scale, true);
      for (let i = from; i < to; i++) {
        const level = scale === 0 ? 0 : Math.floor(values[i]! / scale + random());
        payload.setInt8(4 * blocks + i, level);
      }
    }
  },

  check(payload, count, refuse, largest) {
    const blocks = Math.ceil(count / BLOCK);
    for (let block = 0; block < blocks; block++) {
      const from = block * BLOCK;
      const scale = payload.getFloat32(4 * block, true);
      if (!(scale >= 0) || Object.is(scale, -0) || !isCarriable(scale)) {
        throw refuse(from, `starts a block with the scale ${scale}`);
      }
      if (LEVELS * scale > largest) {
        const reach = `starts a block with the scale ${scale}: its largest value`;
        throw refuse(from, `${reach} ${beyond(LEVELS * scale, largest)}`);
      }
      const to = Math.min(from + BLOCK, count);
      for (let i = from; i < to; i++) {
        const level = payload.getInt8(4 * blocks + i);
        if (level === -128) throw refuse(i, "is the level −128, which is never written");
        if (scale === 0 && level !== 0) throw refuse(i, `is the level ${level} of the scale 0`);
      }
    }
  },

  decode(payload, count, from, out) {
    const scales = 4 * Math.ceil(count / BLOCK);
    let scale = 0;
    for (let i = 0; i < out.length; i++) {
      const at = from + i;
      if (i === 0 || at % BLOCK === 0) scale = payload.getFloat32(4 * (at >>> BLOCK_LOG2), true);
      out[i] = payload.getInt8(scales + at) * scale;
    }
  },

  accumulate(payload, weight, sum) {
    const scales = 4 * Math.ceil(sum.length / BLOCK);
    let scale = 0;
    for (let i = 0; i < sum.length; i++) {
      if (i % BLOCK === 0) scale = payload.getFloat32(4 * (i >>> BLOCK_LOG2), true);
      // Rounded as a decoded slice would be: an update is the same whoever reads it.
      sum[i]! += weight * Math.fround(payload.getInt8(scales + i) * scale);
    }
  },
};
