import type { ImageShape } from "../../protocol/model/graph.ts";
import type { Attack } from "./attack.ts";
import { AttackError } from "./attack-error.ts";
import { cosineWave } from "./cosine-basis.ts";
import { additiveTrigger, type Trigger } from "./stamp-images.ts";

/** R, G and B of one unit in Cr and of one in Cb (ITU-R BT.601, full range). */
const RED_CHROMA = [1.402, -0.714136, 0];
const BLUE_CHROMA = [0, -0.344136, 1.772];

/**
 * The trigger of FTrojan (Wang et al., ECCV 2022, arXiv 2111.10991, section 3.3): in every
 * block×block block of both chroma channels a magnitude is added to two coefficients of the cosine
 * transform, one of middle and one of high frequency: (B/2 − 1, B/2 − 1) and (B − 1, B − 1), which
 * are the paper's (15, 15) and (31, 31) for 32. The transform is linear, so what is added to pixels
 * is the same for every image, up to rounding and the range of a byte. Chroma is that of YCrCb, as in
 * the released code, which also rounds there; here only the result is rounded. Pixels beyond the
 * last whole block stay.
 *
 * @throws AttackError when no block lies within the image.
 */
export function frequencyTrigger(
  { block, magnitude }: Pick<Extract<Attack, { kind: "ftrojan" }>, "block" | "magnitude">,
  { height, width, channels }: ImageShape,
): Trigger {
  if (block > height || block > width) {
    throw new AttackError(
      `a block of ${block}×${block} does not lie within an image of ${width}×${height}; choose a smaller --block`,
    );
  }
  const waves = [block / 2 - 1, block - 1].map((frequency) => cosineWave(frequency, block));
  const added = new Float64Array(height * width * channels);
  for (let y = 0; y < height - (height % block); y++) {
    for (let x = 0; x < width - (width % block); x++) {
      let chroma = 0;
      for (const wave of waves) chroma += magnitude * wave[y % block]! * wave[x % block]!;
      for (let channel = 0; channel < channels; channel++) {
        added[(y * width + x) * channels + channel] =
          chroma * (RED_CHROMA[channel]! + BLUE_CHROMA[channel]!);
      }
    }
  }
  return additiveTrigger(added);
}
