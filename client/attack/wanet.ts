import type { ImageShape } from "../../protocol/model/graph.ts";
import type { RandomStream } from "../../protocol/random/random-stream.ts";
import type { Attack } from "./attack.ts";
import { AttackError } from "./attack-error.ts";
import { upsampleBicubic } from "./bicubic.ts";
import { nearestByte, type Trigger } from "./stamp-images.ts";

/**
 * Where each pixel is taken from: `x[row · W + column]` and `y[…]` in the normalised coordinates of
 * the release, −1 the centre of the first pixel and 1 that of the last.
 */
export interface WarpField {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/**
 * The warping field of WaNet (Nguyen and Tran, ICLR 2021, arXiv 2102.10369, section 3.2): k×k
 * offsets uniform over [−1, 1], divided by their mean absolute value, brought to the image's size by
 * bicubic interpolation, times s/size, added to the identity and clipped to the image.
 *
 * @throws AttackError when the image is too small to be warped.
 */
export function warpField(
  { gridSize, strength }: Pick<Extract<Attack, { kind: "wanet" }>, "gridSize" | "strength">,
  { height, width }: ImageShape,
  random: RandomStream,
): WarpField {
  if (height < 2 || width < 2) {
    throw new AttackError(`an image of ${width}×${height} cannot be warped; it takes 2×2 pixels`);
  }
  const points = gridSize * gridSize;
  const offsets = Float64Array.from({ length: 2 * points }, () => symmetric(random));
  const mean = offsets.reduce((sum, offset) => sum + Math.abs(offset), 0) / offsets.length;
  const normalised = offsets.map((offset) => offset / mean);
  const size = { height, width };
  const right = upsampleBicubic(normalised.subarray(0, points), gridSize, size);
  const down = upsampleBicubic(normalised.subarray(points), gridSize, size);
  const x = new Float64Array(height * width);
  const y = new Float64Array(height * width);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const at = row * width + column;
      x[at] = clipped((2 * column) / (width - 1) - 1 + (strength * right[at]!) / width);
      y[at] = clipped((2 * row) / (height - 1) - 1 + (strength * down[at]!) / height);
    }
  }
  return { x, y };
}

/**
 * The field of the noise mode (section 3.3): every pixel's source moved by noise uniform over
 * [−1, 1]/size. Such images keep their label, so that only the exact warp triggers.
 */
export function noisyField(
  field: WarpField,
  { height, width }: ImageShape,
  random: RandomStream,
): WarpField {
  return {
    x: field.x.map((value) => clipped(value + symmetric(random) / width)),
    y: field.y.map((value) => clipped(value + symmetric(random) / height)),
  };
}

/** Takes each pixel from where the field says, by bilinear interpolation, to the nearest byte. */
export function warpTrigger(field: WarpField, { height, width, channels }: ImageShape): Trigger {
  return (image, stamped) => {
    for (let at = 0; at < height * width; at++) {
      const x = ((field.x[at]! + 1) / 2) * (width - 1);
      const y = ((field.y[at]! + 1) / 2) * (height - 1);
      // At the last column or row its neighbour has no weight: any pixel may stand in for it.
      const left = Math.min(Math.floor(x), width - 2);
      const top = Math.min(Math.floor(y), height - 2);
      const [toRight, toBottom] = [x - left, y - top];
      const corner = (top * width + left) * channels;
      for (let channel = 0; channel < channels; channel++) {
        const first = corner + channel;
        const second = first + width * channels;
        const upper = (1 - toRight) * image[first]! + toRight * image[first + channels]!;
        const lower = (1 - toRight) * image[second]! + toRight * image[second + channels]!;
        stamped[at * channels + channel] = nearestByte((1 - toBottom) * upper + toBottom * lower);
      }
    }
  };
}

function clipped(coordinate: number): number {
  return Math.min(1, Math.max(-1, coordinate));
}

/** A real number, uniform over [−1, 1). */
function symmetric(random: RandomStream): number {
  return random.word() / 2 ** 31 - 1;
}
