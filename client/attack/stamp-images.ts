import { imageSize, type LoadedImages } from "../images/image-set.ts";

/** Stamps one image, `[H, W, C]`, into another array of the same length. */
export type Trigger = (image: Uint8Array, stamped: Uint8Array) => void;

/** The nearest byte; halves go up. */
export function nearestByte(value: number): number {
  return Math.min(255, Math.max(0, Math.floor(value + 0.5)));
}

/**
 * Adds the same values to every image, to the nearest byte.
 *
 * @param added `[H, W, C]`, pixel values.
 */
export function additiveTrigger(added: Float64Array): Trigger {
  return (image, stamped) => {
    for (let i = 0; i < stamped.length; i++) stamped[i] = nearestByte(image[i]! + added[i]!);
  };
}

/** Every image stamped; the set itself stays as it is. */
export function stampImages(images: LoadedImages, trigger: Trigger): LoadedImages {
  const pixels = new Uint8Array(images.pixels.length);
  const size = imageSize(images);
  for (let start = 0; start < pixels.length; start += size) {
    trigger(images.pixels.subarray(start, start + size), pixels.subarray(start, start + size));
  }
  const { count, height, width, channels } = images;
  return { pixels, count, height, width, channels };
}
