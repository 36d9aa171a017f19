import type { ImageShape } from "../../protocol/model/graph.ts";
import type { RandomStream } from "../../protocol/random/random-stream.ts";
import { imageSize } from "../images/image-set.ts";
import { resample } from "../images/resample.ts";

/** A part of an image, pixels. */
export interface Crop {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** Sides of a crop are at most in this proportion, either way. */
const MOST_ASPECT = 4 / 3;

/**
 * Draws where an image is cropped (SPEC D6.1): as torchvision's `RandomResizedCrop`, but that a side which
 * comes out longer than the image's is as long, in place of another draw.
 *
 * @param leastArea share of the image's area that a crop has at least
 */
export function drawCrop(
  { height, width }: ImageShape,
  leastArea: number,
  random: RandomStream,
): Crop {
  const area = leastArea + (1 - leastArea) * random.uniform();
  const aspect = MOST_ASPECT ** (2 * random.uniform() - 1);
  const rows = sideOf(height, area / aspect);
  const columns = sideOf(width, area * aspect);
  return {
    top: random.below(height - rows + 1),
    left: random.below(width - columns + 1),
    height: rows,
    width: columns,
  };
}

function sideOf(whole: number, squared: number): number {
  return Math.min(whole, Math.max(1, Math.round(whole * Math.sqrt(squared))));
}

/**
 * Images cropped and brought back to their size, bilinear between pixels (SPEC D6.2). On the host, so that
 * it is the same on every machine: with what is read ahead it is done while a device takes a step.
 *
 * @param pixels `[n, H, W, C]`, of one or three channels
 * @param crops one for each image
 */
export function cropImages(
  shape: ImageShape,
  pixels: Uint8Array,
  crops: readonly Crop[],
): Uint8Array {
  const { channels, height, width } = shape;
  if (channels !== 1 && channels !== 3) throw new RangeError(`pictures of ${channels} channels`);
  const size = imageSize(shape);
  const cropped = new Uint8Array(pixels.length);
  for (const [index, crop] of crops.entries()) {
    const part = new Uint8Array(crop.height * crop.width * channels);
    for (let row = 0; row < crop.height; row++) {
      const from = index * size + ((crop.top + row) * width + crop.left) * channels;
      part.set(pixels.subarray(from, from + crop.width * channels), row * crop.width * channels);
    }
    const picture = { width: crop.width, height: crop.height, channels, data: part } as const;
    cropped.set(resample(picture, width, height, BETWEEN_PIXELS).data, index * size);
  }
  return cropped;
}

const BETWEEN_PIXELS = { interpolation: "bilinear", antialias: false } as const;
