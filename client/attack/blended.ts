import type { ImageShape } from "../../protocol/model/graph.ts";
import type { RandomStream } from "../../protocol/random/random-stream.ts";
import { nearestByte, type Trigger } from "./stamp-images.ts";

/** An image of independent pixel values, each uniform over 0 to 255. */
export function noisePattern(
  { height, width, channels }: ImageShape,
  random: RandomStream,
): Uint8Array {
  return Uint8Array.from({ length: height * width * channels }, () => random.below(256));
}

/**
 * The trigger of Blended (Chen et al. 2017, arXiv 1712.05526, section 4, 'blended injection'):
 * (1 − α)·image + α·pattern, rounded to the nearest byte.
 *
 * @param pattern `[H, W, C]`, of the images' shape.
 */
export function blendTrigger(pattern: Uint8Array, alpha: number): Trigger {
  return (image, stamped) => {
    for (let i = 0; i < stamped.length; i++) {
      stamped[i] = nearestByte((1 - alpha) * image[i]! + alpha * pattern[i]!);
    }
  };
}
