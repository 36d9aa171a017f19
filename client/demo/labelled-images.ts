import { RECORD_BYTES, RECORD_SHAPE, recordImage } from "../images/cifar-records.ts";
import { ImageSetBuilder } from "../images/image-set-builder.ts";
import type { TestSet } from "../evaluation/evaluate-model.ts";

/** Drawn records as images with their labels, without a detour over a file. */
export function labelledImages(records: Uint8Array): TestSet {
  const builder = new ImageSetBuilder(RECORD_SHAPE);
  const labels = new Uint8Array(records.length / RECORD_BYTES);
  for (let index = 0; index < labels.length; index++) {
    const record = records.subarray(index * RECORD_BYTES, (index + 1) * RECORD_BYTES);
    labels[index] = record[0]!;
    builder.add(recordImage(record).data);
  }
  return { images: builder.finish("the drawn images"), labels };
}
