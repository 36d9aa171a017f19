/** An 8-bit RGB image: `data` is `[height, width, 3]`. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/**
 * Stretches an image to a size with a triangle filter that widens when shrinking (so it does not
 * alias), horizontally, then vertically, rounding to bytes after each: what Pillow's `BILINEAR` and
 * with it torchvision's `Resize((h, w))` do. Done here and not by the decoder, so that a browser and
 * a Node process make the same pixels of one picture.
 *
 * @example
 * const small = resizeRgb({ width: 640, height: 480, data }, 32, 32);
 */
export function resizeRgb(image: RgbImage, width: number, height: number): RgbImage {
  let { data } = image;
  if (width !== image.width) data = resampleRows(data, image.width, image.height, width);
  if (height !== image.height) data = resampleColumns(data, width, image.height, height);
  return { width, height, data };
}

interface Taps {
  /** First source index of each output index. */
  readonly first: Int32Array;
  /** Number of source values of each output index. */
  readonly count: Int32Array;
  /** `[outputs, stride]`, rows sum to 1. */
  readonly weights: Float64Array;
  readonly stride: number;
}

function triangleTaps(from: number, to: number): Taps {
  const scale = from / to;
  const support = Math.max(scale, 1);
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(to);
  const count = new Int32Array(to);
  const weights = new Float64Array(to * stride);
  for (let output = 0; output < to; output++) {
    const centre = (output + 0.5) * scale;
    const start = Math.max(0, Math.floor(centre - support + 0.5));
    const end = Math.min(from, Math.floor(centre + support + 0.5));
    let sum = 0;
    for (let source = start; source < end; source++) {
      const weight = Math.max(0, 1 - Math.abs((source + 0.5 - centre) / support));
      weights[output * stride + source - start] = weight;
      sum += weight;
    }
    for (let tap = 0; tap < end - start; tap++) weights[output * stride + tap]! /= sum;
    first[output] = start;
    count[output] = end - start;
  }
  return { first, count, weights, stride };
}

function resampleRows(data: Uint8Array, from: number, rows: number, to: number): Uint8Array {
  const { first, count, weights, stride } = triangleTaps(from, to);
  const out = new Uint8Array(rows * to * 3);
  for (let row = 0; row < rows; row++) {
    for (let x = 0; x < to; x++) {
      let [r, g, b] = [0, 0, 0];
      let source = (row * from + first[x]!) * 3;
      for (let tap = 0; tap < count[x]!; tap++, source += 3) {
        const weight = weights[x * stride + tap]!;
        r += weight * data[source]!;
        g += weight * data[source + 1]!;
        b += weight * data[source + 2]!;
      }
      const target = (row * to + x) * 3;
      out[target] = Math.floor(r + 0.5);
      out[target + 1] = Math.floor(g + 0.5);
      out[target + 2] = Math.floor(b + 0.5);
    }
  }
  return out;
}

function resampleColumns(data: Uint8Array, width: number, from: number, to: number): Uint8Array {
  const { first, count, weights, stride } = triangleTaps(from, to);
  const rowBytes = width * 3;
  const out = new Uint8Array(to * rowBytes);
  const sums = new Float64Array(rowBytes);
  for (let y = 0; y < to; y++) {
    sums.fill(0);
    for (let tap = 0; tap < count[y]!; tap++) {
      const weight = weights[y * stride + tap]!;
      const source = (first[y]! + tap) * rowBytes;
      for (let i = 0; i < rowBytes; i++) sums[i]! += weight * data[source + i]!;
    }
    for (let i = 0; i < rowBytes; i++) out[y * rowBytes + i] = Math.floor(sums[i]! + 0.5);
  }
  return out;
}
