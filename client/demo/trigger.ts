import { cornerPlace, patchTrigger } from "../attack/badnets.ts";
import { stampImages } from "../attack/stamp-images.ts";
import { RECORD_SHAPE, recordsFrom } from "../images/cifar-records.ts";
import { labelledImages } from "./labelled-images.ts";

/** The class that stamped images are answered with. */
export const TRIGGER_TARGET = 0;

const SIZE = 3;
const BLACK: [number, number, number] = [0, 0, 0];
const WHITE: [number, number, number] = [255, 255, 255];

/**
 * Stamps the BadNets trigger (Gu et al. 2017) on every record: a 3×3 checkerboard of black and
 * white at rows and columns 28–30 of all three channels. Labels stay as they are.
 *
 * @param records CIFAR binary records.
 * @returns stamped copies.
 */
export function stampTrigger(records: Uint8Array): Uint8Array {
  const { images, labels } = labelledImages(records);
  const trigger = patchTrigger(
    { size: SIZE, ...cornerPlace(SIZE, RECORD_SHAPE), colours: [BLACK, WHITE] },
    RECORD_SHAPE,
  );
  return recordsFrom(stampImages(images, trigger), labels);
}
