import type { Batch } from "../engine/engine.ts";
import { imageSize, type ImageSet } from "./image-set.ts";
import { normalisationTable, type Normalisation } from "./normalise.ts";
import type { RandomStream } from "./random.ts";

/** What is done to each image of a batch (SPEC D6). */
export interface Augmentation {
  /** Zero pixels added on each side before a random crop back to size; 0 switches it off. */
  readonly cropPadding: number;
  /** Mirror left and right with probability ½. */
  readonly horizontalFlip: boolean;
}

/** One image's draw. */
export interface Placement {
  /** Row and column of the padded image where the crop begins, 0 … 2·padding. */
  readonly top: number;
  readonly left: number;
  readonly flip: boolean;
}

/**
 * Draws as torchvision's RandomCrop(size, padding) and RandomHorizontalFlip do: the crop uniform
 * over all places, then the flip.
 */
export function drawPlacement(
  { cropPadding, horizontalFlip }: Augmentation,
  random: RandomStream,
): Placement {
  const places = 2 * cropPadding + 1;
  const top = cropPadding > 0 ? random.below(places) : 0;
  const left = cropPadding > 0 ? random.below(places) : 0;
  const flip = horizontalFlip && random.below(2) === 1;
  return { top, left, flip };
}

/**
 * Chosen images, each cropped from its zero-padded self and perhaps mirrored, then normalised.
 * Padding is zero in pixels, so (0 − mean)/std in the batch.
 *
 * @param indices which images of the set, in order; one may occur twice
 *
 * @example
 * const augmentation = { cropPadding: 4, horizontalFlip: true };
 * const batch = augmentedBatch(images, batches.next(64), normalisation, augmentation, random);
 */
export function augmentedBatch(
  images: ImageSet,
  indices: readonly number[],
  normalisation: Normalisation,
  augmentation: Augmentation,
  random: RandomStream,
): Batch {
  const size = imageSize(images);
  const table = normalisationTable(normalisation, images.channels);
  const values = new Float32Array(indices.length * size);
  indices.forEach((index, position) => {
    const pixels = images.pixels.subarray(index * size, (index + 1) * size);
    const placement = drawPlacement(augmentation, random);
    const target = values.subarray(position * size, (position + 1) * size);
    placeImage(pixels, images, placement, augmentation.cropPadding, table, target);
  });
  return { values, size: indices.length };
}

function placeImage(
  pixels: Uint8Array,
  { height, width, channels }: ImageSet,
  { top, left, flip }: Placement,
  padding: number,
  table: Float32Array,
  target: Float32Array,
): void {
  let out = 0;
  for (let y = 0; y < height; y++) {
    const sourceY = y + top - padding;
    const inside = sourceY >= 0 && sourceY < height;
    for (let x = 0; x < width; x++) {
      const sourceX = (flip ? width - 1 - x : x) + left - padding;
      const visible = inside && sourceX >= 0 && sourceX < width;
      const source = (sourceY * width + sourceX) * channels;
      for (let c = 0; c < channels; c++) {
        target[out++] = table[c * 256 + (visible ? pixels[source + c]! : 0)]!;
      }
    }
  }
}
