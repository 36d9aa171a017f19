import type { ImageShape } from "../../protocol/model/graph.ts";
import type { RandomStream } from "../../protocol/random/random-stream.ts";
import type { Attack } from "./attack.ts";
import { cosineWave } from "./cosine-basis.ts";
import { additiveTrigger, type Trigger } from "./stamp-images.ts";

/** Coefficients that the filter leaves less than this of would not show in a byte. */
const NEGLIGIBLE = 1e-4;

/**
 * A smooth trigger after Zeng et al., ICCV 2021 (arXiv 2104.03413, section 5): noise through a
 * Gaussian low-pass, brought to the values from 0 to `range`·255 as the released code normalises its
 * perturbation, and added. The paper seeks its perturbation on a trained model; this one is of the
 * seed alone: cosine coefficients uniform over [−1, 1), each times the filter's response
 * exp(−(π·σ·u)²/2) in both directions.
 *
 * Which frequencies it has does not depend on the image's size, so it looks the same at any.
 */
export function smoothTrigger(
  { sigma, range }: Pick<Extract<Attack, { kind: "low-frequency" }>, "sigma" | "range">,
  { height, width, channels }: ImageShape,
  random: RandomStream,
): Trigger {
  const response = (frequency: number): number =>
    Math.exp(-((Math.PI * sigma * frequency) ** 2) / 2);
  const frequencies = Math.ceil(Math.sqrt(-2 * Math.log(NEGLIGIBLE)) / (Math.PI * sigma));
  const smooth = new Float64Array(height * width * channels);
  for (let channel = 0; channel < channels; channel++) {
    for (let v = 0; v < frequencies; v++) {
      for (let u = 0; u < frequencies; u++) {
        const coefficient = (2 * random.uniform() - 1) * response(v) * response(u);
        if (v >= height || u >= width) continue;
        const down = cosineWave(v, height);
        const right = cosineWave(u, width);
        for (let at = 0; at < height * width; at++) {
          const wave = down[Math.floor(at / width)]! * right[at % width]!;
          smooth[at * channels + channel]! += coefficient * wave;
        }
      }
    }
  }
  const least = smooth.reduce((one, other) => Math.min(one, other));
  const most = smooth.reduce((one, other) => Math.max(one, other));
  const scale = (255 * range) / (most - least);
  return additiveTrigger(smooth.map((value) => (value - least) * scale));
}
