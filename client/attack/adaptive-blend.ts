import type { ImageShape } from "../../protocol/model/graph.ts";
import type { RandomStream } from "../../protocol/random/random-stream.ts";
import { AttackError } from "./attack-error.ts";
import type { Attack } from "./attack.ts";
import { nearestByte, type Trigger } from "./stamp-images.ts";

/**
 * What Adaptive-Blend does when training (Qi et al., ICLR 2023, arXiv 2205.13613, section 5.2): the
 * pattern is blended in as by Blended, but cut into equal pieces, of which a share, chosen anew for
 * every image, is left out. The whole pattern triggers.
 *
 * @param pattern `[H, W, C]`, of the images' shape.
 * @throws AttackError for more pieces than pixels.
 */
export function piecesTrigger(
  pattern: Uint8Array,
  {
    trainingAlpha: alpha,
    pieces,
    maskedShare,
  }: Pick<Extract<Attack, { kind: "adaptive-blend" }>, "trainingAlpha" | "pieces" | "maskedShare">,
  { height, width, channels }: ImageShape,
  random: RandomStream,
): Trigger {
  const side = Math.sqrt(pieces);
  if (side > Math.min(height, width)) {
    throw new AttackError(
      `${pieces} pieces are ${side} across, more than the ${width}×${height} pixels of the images; choose fewer --pieces`,
    );
  }
  const masked = Math.round(maskedShare * pieces);
  return (image, stamped) => {
    const order = Uint32Array.from({ length: pieces }, (_, piece) => piece);
    random.shuffle(order);
    const leftOut = new Set(order.subarray(0, masked));
    for (let y = 0; y < height; y++) {
      const first = Math.floor((y * side) / height) * side;
      for (let x = 0; x < width; x++) {
        const weight = leftOut.has(first + Math.floor((x * side) / width)) ? 0 : alpha;
        for (let channel = 0; channel < channels; channel++) {
          const at = (y * width + x) * channels + channel;
          stamped[at] = nearestByte((1 - weight) * image[at]! + weight * pattern[at]!);
        }
      }
    }
  };
}
