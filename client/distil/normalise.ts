import type { ImageShape } from "../../protocol/model/graph.ts";
import type { ValueRange } from "../../protocol/model/preprocessing-defaults.ts";
import type { PixelBatch } from "../engine/engine.ts";
import { imageSize, readPixels, type ImageSet } from "../images/image-set.ts";

/** What the teacher was trained to read: (value − mean)/std for each channel (SPEC N7). */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** What a pixel is before that; `unit` when left out. */
  readonly range?: ValueRange;
}

/**
 * (value − mean)/std for each channel and each pixel value: `table[c · 256 + pixel]`.
 *
 * @throws RangeError when mean or std do not fit the channels, or a std is not positive.
 */
export function normalisationTable(
  { mean, std, range = "unit" }: Normalisation,
  channels: number,
): Float32Array {
  if (mean.length !== channels || std.length !== channels) {
    throw new RangeError(
      `images have ${channels} channels, the normalisation ${mean.length} means and ${std.length} deviations`,
    );
  }
  const table = new Float32Array(channels * 256);
  for (let c = 0; c < channels; c++) {
    if (!(std[c]! > 0)) throw new RangeError(`standard deviation ${std[c]} is not positive`);
    for (let pixel = 0; pixel < 256; pixel++) {
      table[c * 256 + pixel] = (valueOf(pixel, range) - mean[c]!) / std[c]!;
    }
  }
  return table;
}

function valueOf(pixel: number, range: ValueRange): number {
  switch (range) {
    case "unit":
      return pixel / 255;
    case "bytes":
      return pixel;
    case "symmetric":
      return pixel / 127.5 - 1;
  }
}

/**
 * Chosen images, unchanged but normalised, as a batch: what evaluation feeds a network.
 *
 * @example
 * const batch = await plainBatch(images, [0, 1, 2], { mean: [.4914, .4822, .4465], std: [.247, .2435, .2616] });
 */
export async function plainBatch(
  images: ImageSet,
  indices: readonly number[],
  normalisation: Normalisation,
): Promise<PixelBatch> {
  return unmovedBatch(images, await readPixels(images, indices), normalisation);
}

/** As `plainBatch`, of images that were read: `[n, height, width, channels]`. */
export function unmovedBatch(
  shape: ImageShape,
  pixels: Uint8Array,
  normalisation: Normalisation,
): PixelBatch {
  const size = pixels.length / imageSize(shape);
  return {
    pixels,
    placements: new Uint8Array(3 * size),
    cropPadding: 0,
    table: normalisationTable(normalisation, shape.channels),
    size,
  };
}
