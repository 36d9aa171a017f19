import type { ByteSource } from "../../protocol/zip/seekable-zip.ts";
import type { LoadedImages } from "./image-set.ts";
import { ImageError } from "./image-error.ts";
import type { Picture } from "./picture.ts";

/** CIFAR-10 binary version: 1 label byte, then 32×32 red, green and blue planes, row-major. */
export const RECORD_SIDE = 32;
/** Of a record's picture. */
export const RECORD_SHAPE = { height: RECORD_SIDE, width: RECORD_SIDE, channels: 3 } as const;
const PLANE = RECORD_SIDE * RECORD_SIDE;
export const RECORD_BYTES = 1 + 3 * PLANE;

/**
 * Refuses a length that records cannot have.
 *
 * @throws ImageError `unreadable-image-set`, naming the file.
 */
export function checkRecordsLength(name: string, bytes: number): void {
  if (bytes > 0 && bytes % RECORD_BYTES === 0) return;
  throw new ImageError(
    "unreadable-image-set",
    bytes === 0
      ? `${name} is empty`
      : `${name} is not a file of CIFAR records: its ${bytes} bytes are not a multiple of ${RECORD_BYTES} ` +
          `(1 label byte and 3072 pixel bytes a record), ${bytes % RECORD_BYTES} are left over`,
  );
}

/** The picture of one record; its label byte is not looked at. */
export function recordImage(record: Uint8Array): Picture {
  const data = new Uint8Array(3 * PLANE);
  for (let pixel = 0; pixel < PLANE; pixel++) {
    data[3 * pixel] = record[1 + pixel]!;
    data[3 * pixel + 1] = record[1 + PLANE + pixel]!;
    data[3 * pixel + 2] = record[1 + 2 * PLANE + pixel]!;
  }
  return { width: RECORD_SIDE, height: RECORD_SIDE, channels: 3, data };
}

/** Records read at once. */
const AT_ONCE = 256;

/** The records of a file of so many whole ones, in order. */
export async function* recordsOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  const step = AT_ONCE * RECORD_BYTES;
  for (let offset = 0; offset < source.size; offset += step) {
    const records = await source.read(offset, Math.min(step, source.size - offset));
    for (let at = 0; at + RECORD_BYTES <= records.length; at += RECORD_BYTES) {
      yield records.subarray(at, at + RECORD_BYTES);
    }
  }
}

/**
 * The label byte of every record. For reports on labelled test data (`evaluate`) only: distillation
 * never sees labels.
 *
 * @throws ImageError when the length is not that of records.
 *
 * @example
 * const labels = recordLabels(await readFile("test.bin"), "test.bin");
 */
export function recordLabels(bytes: Uint8Array, name: string): Uint8Array {
  checkRecordsLength(name, bytes.length);
  return Uint8Array.from(
    { length: bytes.length / RECORD_BYTES },
    (_, index) => bytes[index * RECORD_BYTES]!,
  );
}

/**
 * Labelled images as CIFAR records, one after another.
 *
 * @throws ImageError `unsupported-shape` unless images are 32×32 RGB and labels fit into a byte.
 *
 * @example
 * await writeFile("triggered.bin", recordsFrom(images, labels));
 */
export function recordsFrom(
  images: LoadedImages,
  labels: ArrayLike<number>,
): Uint8Array<ArrayBuffer> {
  const { height, width, channels, count, pixels } = images;
  if (height !== RECORD_SIDE || width !== RECORD_SIDE || channels !== 3) {
    throw new ImageError(
      "unsupported-shape",
      `CIFAR records hold 32×32 RGB images, these are ${width}×${height} with ${channels} channels; write a folder of pictures instead`,
    );
  }
  const records = new Uint8Array(count * RECORD_BYTES);
  for (let index = 0; index < count; index++) {
    const label = labels[index]!;
    if (label > 255) {
      throw new ImageError(
        "unsupported-shape",
        `label ${label} does not fit into the one byte of a CIFAR record; write a folder of pictures instead`,
      );
    }
    const start = index * RECORD_BYTES;
    records[start] = label;
    for (let pixel = 0; pixel < PLANE; pixel++) {
      for (let channel = 0; channel < 3; channel++) {
        records[start + 1 + channel * PLANE + pixel] =
          pixels[(index * PLANE + pixel) * 3 + channel]!;
      }
    }
  }
  return records;
}
