import type { Samples } from "./warp-field.ts";

/**
 * Writes a warped image.
 *
 * @param images memory in which the image `[H, W, C]` begins at `from`
 * @param to `[H, W, C]`, written
 */
export function warpImage(
  images: Float32Array,
  from: number,
  { corners, fractions }: Samples,
  to: Float32Array,
): void {
  const pixels = fractions.length / 2;
  const channels = to.length / pixels;
  let at = 0;
  for (let pixel = 0; pixel < pixels; pixel++) {
    const [upperLeft, upperRight, lowerLeft, lowerRight] = cornersAt(
      corners,
      pixel,
      channels,
      from,
    );
    const down = fractions[2 * pixel]!;
    const right = fractions[2 * pixel + 1]!;
    for (let c = 0; c < channels; c++, at++) {
      const upper = (1 - right) * images[upperLeft + c]! + right * images[upperRight + c]!;
      const lower = (1 - right) * images[lowerLeft + c]! + right * images[lowerRight + c]!;
      to[at] = (1 - down) * upper + down * lower;
    }
  }
}

/**
 * Adds to a gradient by every pixel's displacement what one warped image's gradient gives.
 *
 * @param images memory in which the image `[H, W, C]` that was warped begins at `from`
 * @param gradient `[H, W, C]`, by the warped image
 * @param sums `[H, W, 2]`, added to
 */
export function addPlaceGradient(
  images: Float32Array,
  from: number,
  { corners, fractions, free }: Samples,
  gradient: Float32Array,
  sums: Float32Array,
): void {
  const pixels = fractions.length / 2;
  const channels = gradient.length / pixels;
  for (let pixel = 0; pixel < pixels; pixel++) {
    const [upperLeft, upperRight, lowerLeft, lowerRight] = cornersAt(
      corners,
      pixel,
      channels,
      from,
    );
    const down = fractions[2 * pixel]!;
    const right = fractions[2 * pixel + 1]!;
    let byRow = 0;
    let byColumn = 0;
    for (let c = 0; c < channels; c++) {
      const g = gradient[pixel * channels + c]!;
      const a = images[upperLeft + c]!;
      const b = images[upperRight + c]!;
      const d = images[lowerLeft + c]!;
      const e = images[lowerRight + c]!;
      byRow += g * ((1 - right) * (d - a) + right * (e - b));
      byColumn += g * ((1 - down) * (b - a) + down * (e - d));
    }
    sums[2 * pixel] = sums[2 * pixel]! + free[2 * pixel]! * byRow;
    sums[2 * pixel + 1] = sums[2 * pixel + 1]! + free[2 * pixel + 1]! * byColumn;
  }
}

/** Where the pixels around a place begin in memory. */
function cornersAt(
  corners: Uint32Array,
  pixel: number,
  channels: number,
  from: number,
): readonly [number, number, number, number] {
  const at = (corner: number): number => from + corners[4 * pixel + corner]! * channels;
  return [at(0), at(1), at(2), at(3)];
}
