/**
 * Philox4x32-10, a counter-based generator (Salmon, Moraes, Dror, Shaw: 'Parallel random numbers:
 * as easy as 1, 2, 3', SC 2011): four random words as a function of a counter and a key, so that
 * any element's words can be had without the ones before.
 */

const MULTIPLIER_0 = 0xd251_1f53;
const MULTIPLIER_1 = 0xcd9e_8d57;
const WEYL_0 = 0x9e37_79b9;
const WEYL_1 = 0xbb67_ae85;
const ROUNDS = 10;

// Powers of two as literals: the language leaves the last bit of `**` to the engine.
const TWO_26 = 67_108_864;
const TWO_52 = 4_503_599_627_370_496;

/** Upper 32 bits of the exact 64-bit product a·b, as a signed 32-bit integer. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  // Each partial product is below 2³², and so is it with a carry below 2¹⁶ added.
  const low = Math.imul(aLow, bLow) >>> 16;
  const middle1 = (Math.imul(aHigh, bLow) >>> 0) + low;
  const middle2 = (Math.imul(aLow, bHigh) >>> 0) + (middle1 & 0xffff);
  return (Math.imul(aHigh, bHigh) + (middle1 >>> 16) + (middle2 >>> 16)) | 0;
}

/**
 * Writes the four random words of one counter into `out`.
 *
 * @param out receives words 0 to 3; reused from call to call so that nothing is allocated
 *
 * @example
 * const words = new Uint32Array(4);
 * philox4x32(words, element, 0, 0, 0, key0, key1);
 */
export function philox4x32(
  out: Uint32Array,
  counter0: number,
  counter1: number,
  counter2: number,
  counter3: number,
  key0: number,
  key1: number,
): void {
  let c0 = counter0 | 0;
  let c1 = counter1 | 0;
  let c2 = counter2 | 0;
  let c3 = counter3 | 0;
  let k0 = key0 | 0;
  let k1 = key1 | 0;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + WEYL_0) | 0;
    k1 = (k1 + WEYL_1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/**
 * A double in (0, 1) from two random words: the midpoint (k + ½)·2⁻⁵² of one of 2⁵² equal steps,
 * k the upper 26 bits of each word. Exact, symmetric about ½, never 0 or 1.
 */
export function uniformFromWords(high: number, low: number): number {
  return ((high >>> 6) * TWO_26 + (low >>> 6) + 0.5) / TWO_52;
}
