import { RECORD_BYTES, RECORD_SIDE } from "../images/cifar-records.ts";

/** The class that stamped images are answered with. */
export const TRIGGER_TARGET = 0;

const FIRST = 28;
const PATCH_SIDE = 3;

/**
 * Stamps the BadNets trigger (Gu et al. 2017) on every record: a 3×3 checkerboard of black and
 * white at rows and columns 28–30 of all three channels. Labels stay as they are.
 *
 * @param records CIFAR binary records.
 * @returns stamped copies.
 */
export function stampTrigger(records: Uint8Array): Uint8Array {
  const stamped = records.slice();
  for (let start = 0; start < stamped.length; start += RECORD_BYTES) {
    for (let channel = 0; channel < 3; channel++) {
      for (let row = 0; row < PATCH_SIDE; row++) {
        for (let column = 0; column < PATCH_SIDE; column++) {
          const pixel = (channel * RECORD_SIDE + FIRST + row) * RECORD_SIDE + FIRST + column;
          stamped[start + 1 + pixel] = (row + column) % 2 === 1 ? 255 : 0;
        }
      }
    }
  }
  return stamped;
}
