import { RECORD_BYTES, RECORD_SHAPE, planarPicture } from "../images/cifar-records.ts";
import { imageSize, type LoadedImages } from "../images/image-set.ts";

interface LabelledImages {
  readonly images: LoadedImages;
  readonly labels: Uint8Array;
}

/** Drawn records as images with their labels, without a detour over a file. */
export function labelledImages(records: Uint8Array): LabelledImages {
  const pictures: Uint8Array[] = [];
  const labels = new Uint8Array(records.length / RECORD_BYTES);
  for (let index = 0; index < labels.length; index++) {
    const record = records.subarray(index * RECORD_BYTES, (index + 1) * RECORD_BYTES);
    labels[index] = record[0]!;
    pictures.push(planarPicture(record.subarray(1)).data);
  }
  const pixels = new Uint8Array(pictures.length * imageSize(RECORD_SHAPE));
  for (const [index, picture] of pictures.entries()) pixels.set(picture, index * picture.length);
  return { images: { pixels, count: pictures.length, ...RECORD_SHAPE }, labels };
}
