import type { ImageShape } from "../../../protocol/model/graph.ts";

/**
 * Orthogonal projection of images onto low spatial frequencies (`LowFrequencySettings`). Along a
 * side of N pixels the first K cosines d_k of the DCT-II span them, and the projection onto these is
 *
 *     A[i, j] = Σ_{k<K} d_k(i)·d_k(j) = (D(i − j) + D(i + j + 1)) / 2N,
 *     D(n) = 1 + 2·Σ_{0<k<K} cos(πkn/N),
 *
 * the Dirichlet kernel; a channel X becomes A·X·A.
 */

/** How many cosines along a side of so many pixels. */
export function cosinesOf(share: number, pixels: number): number {
  return Math.max(1, Math.ceil(share * pixels));
}

/**
 * D(n)/2N for n from 0 to 2N − 1: A[i, j] is the sum of entries |i − j| and i + j + 1.
 *
 * @param pixels N
 * @param cosines K, 1 … N
 */
export function dirichletKernel(pixels: number, cosines: number): Float64Array {
  return Float64Array.from({ length: 2 * pixels }, (_, n) => {
    let sum = 1;
    for (let k = 1; k < cosines; k++) sum += 2 * Math.cos((Math.PI * k * n) / pixels);
    return sum / (2 * pixels);
  });
}

/** @returns A, `[pixels, pixels]` */
function projectionAlong(pixels: number, share: number): Float64Array {
  const kernel = dirichletKernel(pixels, cosinesOf(share, pixels));
  return Float64Array.from({ length: pixels * pixels }, (_, place) => {
    const [i, j] = [Math.floor(place / pixels), place % pixels];
    return kernel[Math.abs(i - j)]! + kernel[i + j + 1]!;
  });
}

/**
 * @returns projects one image `[H, W, C]` onto its low frequencies.
 *
 * @example
 * const smooth = lowFrequencyProjection({ height: 32, width: 32, channels: 3 }, 0.5)(noise);
 */
export function lowFrequencyProjection(
  { height, width, channels }: ImageShape,
  share: number,
): (image: ArrayLike<number>) => Float64Array {
  const down = projectionAlong(height, share);
  const right = projectionAlong(width, share);
  const row = width * channels;
  return (image) => {
    const across = new Float64Array(height * row);
    for (let y = 0; y < height; y++) {
      for (let from = 0; from < width; from++) {
        for (let x = 0; x < width; x++) {
          const weight = right[x * width + from]!;
          for (let c = 0; c < channels; c++) {
            const at = y * row + x * channels + c;
            across[at] = across[at]! + weight * image[y * row + from * channels + c]!;
          }
        }
      }
    }
    const projected = new Float64Array(height * row);
    for (let y = 0; y < height; y++) {
      for (let from = 0; from < height; from++) {
        const weight = down[y * height + from]!;
        for (let i = 0; i < row; i++) {
          projected[y * row + i] = projected[y * row + i]! + weight * across[from * row + i]!;
        }
      }
    }
    return projected;
  };
}
