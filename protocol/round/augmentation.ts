import { z } from "zod";
import type { ImageShape } from "../model/graph.ts";

/** What is done to each image of a batch (SPEC D6); by the images' size where it is left out. */
export const augmentationSchema = z.strictObject({
  /** Zero pixels added on each side before a random crop back to size; 0 switches it off. */
  cropPadding: z.int().min(0).max(64).optional(),
  /** Least share of the area of a random crop that is enlarged back to size; `null`: none is. */
  resizedCrop: z.number().min(0.05).max(1).nullable().optional(),
  horizontalFlip: z.boolean().default(true),
});

/** All of it, once it is filled in. */
export interface Augmentation {
  readonly cropPadding: number;
  readonly resizedCrop: number | null;
  readonly horizontalFlip: boolean;
}

/** Smaller images are those of data sets whose models are trained with padded crops. */
const LEAST_RESIZED = 64;

/** As for CIFAR-10: 4 pixels of 32. */
const PADDED_SHARE = 1 / 8;

/** A teacher answers such crops as it does whole pictures, and a student's statistics stay those of them. */
const RESIZED_AREA = 0.5;

/**
 * Fills in what was left out (SPEC D6.4): padded crops of an eighth of the side below 64 pixels, resized
 * ones from there on.
 *
 * @example
 * augmentationFor({ horizontalFlip: true }, { height: 32, width: 32, channels: 3 }).cropPadding; // 4
 */
export function augmentationFor(
  { cropPadding, horizontalFlip, resizedCrop }: z.output<typeof augmentationSchema>,
  { height }: ImageShape,
): Augmentation {
  const isPadded = cropPadding !== undefined && cropPadding > 0;
  const usual = height >= LEAST_RESIZED && !isPadded ? RESIZED_AREA : null;
  const area = resizedCrop === undefined ? usual : resizedCrop;
  return {
    cropPadding: cropPadding ?? (area === null ? Math.round(PADDED_SHARE * height) : 0),
    resizedCrop: area,
    horizontalFlip,
  };
}
