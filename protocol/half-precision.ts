/**
 * binary16 (IEEE 754) and bfloat16 as bit patterns. `Float16Array` and `DataView.setFloat16` would
 * do the first, but Node 20 and older browsers lack them, and both sides must round alike.
 */

const FLOAT = new Float32Array(1);
/** The same four bytes as an integer; both views use the machine's order, so they agree. */
const BITS = new Uint32Array(FLOAT.buffer);

/** 2^(e−25), by the five exponent bits e ≥ 1 of a normal binary16. */
const HALF_SCALES = Float64Array.from({ length: 32 }, (_, e) => 2 ** (e - 25));

/** Adding and taking away 2⁵² rounds a small non-negative double to a whole number, ties to even. */
const ROUND_TO_INTEGER = 2 ** 52;

/** Value of a binary16 bit pattern; exact. */
export function float16ToNumber(half: number): number {
  const exponent = (half >>> 10) & 31;
  const mantissa = half & 1023;
  const sign = (half & 0x8000) === 0 ? 1 : -1;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (1024 + mantissa) * HALF_SCALES[exponent]!;
}

/**
 * Bit pattern of the binary16 nearest to `value` (a float32), ties to even. From 65520 on it is
 * infinite: whoever cannot bear that checks first.
 */
export function numberToFloat16(value: number): number {
  FLOAT[0] = value;
  const bits = BITS[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return sign | 0x7e00;
  if (magnitude >= 0x477f_f000) return sign | 0x7c00;
  if (magnitude < 0x3880_0000) {
    const units = Math.abs(FLOAT[0]) * 2 ** 24;
    return sign | (units + ROUND_TO_INTEGER - ROUND_TO_INTEGER);
  }
  // 0x38000000 moves the exponent's bias from 127 to 15; 13 mantissa bits go.
  const rebiased = magnitude - 0x3800_0000;
  return sign | ((rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13);
}

/** Value of a bfloat16 bit pattern; exact. */
export function bfloat16ToNumber(bits: number): number {
  BITS[0] = (bits << 16) >>> 0;
  return FLOAT[0]!;
}

/** Bit pattern of the bfloat16 nearest to `value` (a float32), ties to even. */
export function numberToBfloat16(value: number): number {
  FLOAT[0] = value;
  const bits = BITS[0]!;
  if ((bits & 0x7fff_ffff) > 0x7f80_0000) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}
