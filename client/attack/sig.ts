import type { ImageShape } from "../../protocol/model/graph.ts";
import type { Attack } from "./attack.ts";
import { nearestByte, type Trigger } from "./stamp-images.ts";

/**
 * The trigger of SIG (Barni, Kallas and Tondi 2019, arXiv 1902.11237, equation 2): the horizontal
 * sinusoid δ·sin(2π·j·f/W) added to column j of every row and channel, rounded to the nearest byte.
 * Columns count from 0, as in the released codes.
 */
export function sinusoidTrigger(
  { delta, frequency }: Pick<Extract<Attack, { kind: "sig" }>, "delta" | "frequency">,
  { width, channels }: ImageShape,
): Trigger {
  const wave = Float64Array.from(
    { length: width },
    (_, column) => delta * Math.sin((2 * Math.PI * column * frequency) / width),
  );
  return (image, stamped) => {
    for (let i = 0; i < stamped.length; i++) {
      stamped[i] = nearestByte(image[i]! + wave[Math.floor(i / channels) % width]!);
    }
  };
}
