import type { Picture } from "./picture.ts";
import { tapsOf, type Filter, type Taps } from "./resample-taps.ts";

/**
 * A picture in another size, along rows, then along columns. Done here and not by the decoder, so that a
 * browser and a Node process make the same pixels of one picture. Antialiased it is rounded to bytes after
 * both, as Pillow does, else once at the end.
 *
 * @example
 * const small = resample(picture, 32, 32, { interpolation: "bilinear", antialias: true });
 */
export function resample(picture: Picture, width: number, height: number, filter: Filter): Picture {
  const { channels } = picture;
  let data: Uint8Array | Float64Array = picture.data;
  if (width !== picture.width) {
    const taps = tapsOf(picture.width, width, filter);
    const rows = picture.height;
    // Columns that stay as they are leave nothing to be rounded after them.
    const isRounded = filter.antialias || height === rows;
    const out = isRounded
      ? new Uint8ClampedArray(rows * width * channels)
      : new Float64Array(rows * width * channels);
    alongRows(data, out, { from: picture.width, to: width, rows, channels, taps });
    data = bytesOf(out);
  }
  if (height !== picture.height) {
    const taps = tapsOf(picture.height, height, filter);
    const out = new Uint8ClampedArray(height * width * channels);
    alongColumns(data, out, { row: width * channels, to: height, taps });
    data = bytesOf(out);
  }
  return { width, height, channels, data: data as Uint8Array };
}

type Sums = Uint8ClampedArray<ArrayBuffer> | Float64Array;

function bytesOf(sums: Sums): Uint8Array | Float64Array {
  return sums instanceof Float64Array ? sums : new Uint8Array(sums.buffer);
}

function alongRows(
  data: ArrayLike<number>,
  out: Sums,
  axis: {
    readonly from: number;
    readonly to: number;
    readonly rows: number;
    readonly channels: number;
    readonly taps: Taps;
  },
): void {
  const { channels, from, rows, to, taps } = axis;
  const { first, count, weights, stride } = taps;
  const isRounded = !(out instanceof Float64Array);
  for (let row = 0; row < rows; row++) {
    for (let x = 0; x < to; x++) {
      const taken = count[x]!;
      if (channels === 3) {
        // As below, for the three at once.
        let [red, green, blue] = [0, 0, 0];
        let source = (row * from + first[x]!) * 3;
        for (let tap = 0; tap < taken; tap++, source += 3) {
          const weight = weights[x * stride + tap]!;
          red += weight * data[source]!;
          green += weight * data[source + 1]!;
          blue += weight * data[source + 2]!;
        }
        const at = (row * to + x) * 3;
        out[at] = isRounded ? Math.floor(red + 0.5) : red;
        out[at + 1] = isRounded ? Math.floor(green + 0.5) : green;
        out[at + 2] = isRounded ? Math.floor(blue + 0.5) : blue;
        continue;
      }
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        let source = (row * from + first[x]!) * channels + channel;
        for (let tap = 0; tap < taken; tap++, source += channels) {
          sum += weights[x * stride + tap]! * data[source]!;
        }
        out[(row * to + x) * channels + channel] = isRounded ? Math.floor(sum + 0.5) : sum;
      }
    }
  }
}

function alongColumns(
  data: ArrayLike<number>,
  out: Uint8ClampedArray,
  axis: { readonly row: number; readonly to: number; readonly taps: Taps },
): void {
  const { row, to, taps } = axis;
  const { first, count, weights, stride } = taps;
  const sums = new Float64Array(row);
  for (let y = 0; y < to; y++) {
    sums.fill(0);
    for (let tap = 0; tap < count[y]!; tap++) {
      const weight = weights[y * stride + tap]!;
      const source = (first[y]! + tap) * row;
      for (let i = 0; i < row; i++) sums[i]! += weight * data[source + i]!;
    }
    for (let i = 0; i < row; i++) out[y * row + i] = Math.floor(sums[i]! + 0.5);
  }
}
