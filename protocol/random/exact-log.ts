/* oxlint-disable no-loss-of-precision -- the constants stand as fdlibm publishes them */

/**
 * Natural logarithm from operations that IEEE 754 rounds exactly. `Math.log` may differ in the last
 * bit from engine to engine; this does not, so a student₀ computed anywhere is the same to the bit.
 *
 * The method and its polynomial are those of FreeBSD's msun / fdlibm `e_log.c` (Sun Microsystems,
 * 1993): x = 2ᵏ·(1+f) with √½ ≤ 1+f < √2, then log(1+f) by a minimax polynomial in s = f/(2+f);
 * error below 1 ulp. Their notice:
 *
 *     Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved.
 *     Developed at SunPro, a Sun Microsystems, Inc. business.
 *     Permission to use, copy, modify, and distribute this software is freely granted,
 *     provided that this notice is preserved.
 */

const LN2_HIGH = 6.931_471_803_691_238_164_9e-1;
const LN2_LOW = 1.908_214_929_270_587_700_02e-10;

/** Coefficients of z, z², … in (log(1+f) − 2s)/s, z = s²; Sun's Lg1 to Lg7. */
const L1 = 6.666_666_666_666_735_13e-1;
const L2 = 3.999_999_999_940_941_908e-1;
const L3 = 2.857_142_874_366_239_149e-1;
const L4 = 2.222_219_843_214_978_396e-1;
const L5 = 1.818_357_216_161_805_012e-1;
const L6 = 1.531_383_769_920_937_332e-1;
const L7 = 1.479_819_860_511_658_591e-1;

const SMALLEST_NORMAL = 2.225_073_858_507_201_4e-308;

const VIEW = new DataView(new ArrayBuffer(8));

/**
 * ln x for a positive, finite, normal double.
 *
 * @throws RangeError for anything else.
 */
export function exactLog(x: number): number {
  if (!(x >= SMALLEST_NORMAL && x < Infinity)) {
    throw new RangeError(`exactLog takes positive normal doubles, not ${x}`);
  }
  VIEW.setFloat64(0, x);
  const highWord = VIEW.getUint32(0);
  const mantissa = highWord & 0xf_ffff;
  // One more power of two goes into k when the mantissa is from √2 on (0x6a09c in its upper bits).
  const carry = (mantissa + 0x9_5f64) & 0x10_0000;
  VIEW.setUint32(0, mantissa | (carry ^ 0x3ff0_0000));
  const k = (highWord >>> 20) - 1023 + (carry >>> 20);
  const f = VIEW.getFloat64(0) - 1;

  const s = f / (2 + f);
  const z = s * s;
  const r = z * (L1 + z * (L2 + z * (L3 + z * (L4 + z * (L5 + z * (L6 + z * L7))))));
  const halfSquare = 0.5 * f * f;
  return k * LN2_HIGH - (halfSquare - (s * (halfSquare + r) + k * LN2_LOW) - f);
}
