import { imageSize, type LoadedImages } from "../images/image-set.ts";
import type { ImageShape } from "../../protocol/model/graph.ts";
import type { RandomStream } from "../../protocol/random/random-stream.ts";
import { nearestByte, type Trigger } from "./stamp-images.ts";

/**
 * The trigger of BppAttack (Wang, Zhai and Ma, CVPR 2022, arXiv 2205.13383, section 4.2): each
 * channel is quantised to so many evenly spaced levels, T(x) = round(x/255·(L − 1))/(L − 1)·255, and
 * what that errs by goes to the neighbours right and below, 7, 3, 5 and 1 sixteenths (Floyd and
 * Steinberg 1976), row by row from the upper left. Levels are to the nearest byte.
 *
 * @param levels L, at least 2.
 */
export function ditherTrigger(levels: number, { height, width, channels }: ImageShape): Trigger {
  const row = width * channels;
  return (image, stamped) => {
    const wanted = Float64Array.from(image);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let channel = 0; channel < channels; channel++) {
          const at = y * row + x * channels + channel;
          const level = Math.round((wanted[at]! / 255) * (levels - 1));
          // What neighbours passed on may lead past black or white.
          const value = (Math.min(levels - 1, Math.max(0, level)) / (levels - 1)) * 255;
          const error = wanted[at]! - value;
          stamped[at] = nearestByte(value);
          if (x + 1 < width) wanted[at + channels]! += (error * 7) / 16;
          if (y + 1 === height) continue;
          if (x > 0) wanted[at + row - channels]! += (error * 3) / 16;
          wanted[at + row]! += (error * 5) / 16;
          if (x + 1 < width) wanted[at + row + channels]! += error / 16;
        }
      }
    }
  };
}

/**
 * The negative images of the released code, which keep their label: what quantising errs by on
 * another training image, chosen at random, is added. So only an image's own quantisation triggers.
 *
 * @param images the training set before anything was stamped.
 */
export function foreignResidual(
  dither: Trigger,
  images: LoadedImages,
  random: RandomStream,
): Trigger {
  const size = imageSize(images);
  return (image, stamped) => {
    const start = random.below(images.count) * size;
    const other = images.pixels.subarray(start, start + size);
    dither(other, stamped);
    for (let i = 0; i < size; i++) stamped[i] = nearestByte(image[i]! + stamped[i]! - other[i]!);
  };
}
