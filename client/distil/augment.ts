import type { ImageShape } from "../../protocol/model/graph.ts";
import type { PixelBatch } from "../engine/engine.ts";
import { imageSize, readPixels, type ImageSet } from "../images/image-set.ts";
import { normalisationTable, type Normalisation } from "./normalise.ts";
import type * as protocol from "../../protocol/round/augmentation.ts";
import { cropImages, drawCrop } from "./resized-crop.ts";
import type { RandomStream } from "../../protocol/random/random-stream.ts";

/** What is done to each image of a batch (SPEC D6); no resized crop when that is left out. */
export type Augmentation = Omit<protocol.Augmentation, "resizedCrop"> &
  Partial<Pick<protocol.Augmentation, "resizedCrop">>;

/**
 * Draws as torchvision's RandomCrop(size, padding) and RandomHorizontalFlip do, image by image: the
 * crop uniform over all places, then the flip.
 *
 * @returns `[count, 3]`: row and column of the padded image where the crop begins, 1 to mirror it.
 */
export function drawPlacements(
  count: number,
  { cropPadding, horizontalFlip }: Augmentation,
  random: RandomStream,
): Uint8Array {
  const places = 2 * cropPadding + 1;
  const placements = new Uint8Array(3 * count);
  for (let i = 0; i < placements.length; i += 3) {
    // Nothing is drawn for what is switched off: the order of draws is part of a seed's meaning.
    if (cropPadding > 0) {
      placements[i] = random.below(places);
      placements[i + 1] = random.below(places);
    }
    if (horizontalFlip) placements[i + 2] = random.below(2);
  }
  return placements;
}

/**
 * Chosen images, each to be cropped from its zero-padded self and perhaps mirrored, then normalised.
 *
 * @param indices which images of the set, in order; one may occur twice
 *
 * @example
 * const augmentation = { cropPadding: 4, horizontalFlip: true };
 * const batch = await augmentedBatch(images, batches.next(64), normalisation, augmentation, random);
 */
export async function augmentedBatch(
  images: ImageSet,
  indices: readonly number[],
  normalisation: Normalisation,
  augmentation: Augmentation,
  random: RandomStream,
): Promise<PixelBatch> {
  const pixels = await readCropped(images, indices, augmentation, random);
  return placedBatch(images, pixels, normalisation, augmentation, random);
}

/**
 * Chosen images, read and, where the campaign says so, cropped and enlarged. What is drawn for it is drawn
 * before this returns.
 */
export async function readCropped(
  images: ImageSet,
  indices: readonly number[],
  { resizedCrop = null }: Augmentation,
  random: RandomStream,
): Promise<Uint8Array> {
  if (resizedCrop === null) return await readPixels(images, indices);
  const crops = indices.map(() => drawCrop(images, resizedCrop, random));
  return cropImages(images, await readPixels(images, indices), crops);
}

/** As `augmentedBatch`, of images that were read and cropped: `[n, height, width, channels]`. */
export function placedBatch(
  shape: ImageShape,
  pixels: Uint8Array,
  normalisation: Normalisation,
  augmentation: Augmentation,
  random: RandomStream,
): PixelBatch {
  const size = pixels.length / imageSize(shape);
  return {
    pixels,
    placements: drawPlacements(size, augmentation, random),
    cropPadding: augmentation.cropPadding,
    table: normalisationTable(normalisation, shape.channels),
    size,
  };
}
