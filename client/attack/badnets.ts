import type { ImageShape } from "../../protocol/model/graph.ts";
import type { Attack } from "./attack.ts";
import { AttackError } from "./attack-error.ts";
import type { Trigger } from "./stamp-images.ts";

type Patch = Omit<Extract<Attack, { kind: "badnets" }>, "kind">;

/** One pixel from the lower right corner: rows and columns 28 to 30 of 32 for a patch of 3. */
export function cornerPlace(
  size: number,
  { height, width }: ImageShape,
): { readonly row: number; readonly column: number } {
  return { row: height - 1 - size, column: width - 1 - size };
}

/**
 * The trigger of BadNets (Gu, Dolan-Gavitt and Garg 2017, arXiv 1708.06733): a small checkerboard
 * that replaces the pixels of one place. With the defaults rows 0 255 0 / 255 0 255 / 0 255 0.
 *
 * @throws AttackError when the patch does not lie within the image.
 */
export function patchTrigger(
  { size, row, column, colours }: Patch,
  { height, width, channels }: ImageShape,
): Trigger {
  if (row < 0 || column < 0 || row + size > height || column + size > width) {
    throw new AttackError(
      `a patch of ${size}×${size} at row ${row}, column ${column} does not lie within an image of ${width}×${height}; choose another size or place`,
    );
  }
  return (image, stamped) => {
    stamped.set(image);
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const start = ((row + y) * width + column + x) * channels;
        const colour = colours[(y + x) % 2]!;
        for (let channel = 0; channel < channels; channel++) {
          stamped[start + channel] = colour[channel]!;
        }
      }
    }
  };
}
