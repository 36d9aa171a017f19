import { readExactly, type FoundImage, type ImageSource } from "./found-image.ts";
import { ImageError } from "./image-error.ts";
import type { LoadedImages } from "./image-set.ts";
import type { Picture } from "./picture.ts";

/** CIFAR-10 binary version: 1 label byte, then 32×32 red, green and blue planes, row-major. */
export const RECORD_SIDE = 32;
/** Of a record's picture. */
export const RECORD_SHAPE = { height: RECORD_SIDE, width: RECORD_SIDE, channels: 3 } as const;
const PLANE = RECORD_SIDE * RECORD_SIDE;
export const RECORD_BYTES = 1 + 3 * PLANE;

/** How records of one kind are laid out. */
interface RecordLayout {
  readonly side: number;
  /** Before the pixels. */
  readonly labelBytes: 0 | 1 | 2;
  /** Where the label is that counts. */
  readonly labelAt?: number;
  /** Whether planes go column by column. */
  readonly byColumns: boolean;
}

const CIFAR_10: RecordLayout = { side: 32, labelBytes: 1, labelAt: 0, byColumns: false };
/** A coarse label goes before the fine one. */
const CIFAR_100: RecordLayout = { side: 32, labelBytes: 2, labelAt: 1, byColumns: false };
/** STL-10's files of images, `…_X.bin`; labels are in another file. */
const STL_10: RecordLayout = { side: 96, labelBytes: 0, byColumns: true };

const recordBytes = ({ labelBytes, side }: RecordLayout): number => labelBytes + 3 * side * side;

/** Most classes that CIFAR-100 has, coarse and fine. */
const COARSE_CLASSES = 20;
const FINE_CLASSES = 100;

/** Records read at once. */
const AT_ONCE = 64;

/**
 * The images of a file of records: CIFAR-10's binary ones, CIFAR-100's, STL-10's. They have no sign of
 * their own: what they are is told by the file's length and, where that fits two, by their label bytes.
 */
export async function* recordsIn(source: ImageSource): AsyncGenerator<FoundImage> {
  const { name } = source;
  const layout = await layoutOf(source);
  if (layout === undefined) {
    yield {
      name,
      problem:
        `not a file of CIFAR records: its ${source.size} bytes are no multiple of ${RECORD_BYTES} ` +
        `(CIFAR-10: 1 label byte and 3072 pixel bytes a record) nor of ${RECORD_BYTES + 1} (CIFAR-100: 2 label bytes)`,
    };
    return;
  }
  const size = recordBytes(layout);
  const { labelAt } = layout;
  for (let offset = 0; offset < source.size; offset += AT_ONCE * size) {
    const length = Math.min(AT_ONCE * size, source.size - offset);
    const records = await readExactly(source, offset, length);
    for (let at = 0; at < length; at += size) {
      const picture = planarPicture(records.subarray(at + layout.labelBytes, at + size), layout);
      yield labelAt === undefined
        ? { name, picture }
        : { name, picture, label: records[at + labelAt]! };
    }
  }
}

async function layoutOf(source: ImageSource): Promise<RecordLayout | undefined> {
  const fits = (layout: RecordLayout): boolean =>
    source.size > 0 && source.size % recordBytes(layout) === 0;
  if (fits(STL_10) && /_X\.bin$/i.test(source.name)) return STL_10;
  if (!fits(CIFAR_100)) return fits(CIFAR_10) ? CIFAR_10 : undefined;
  if (!fits(CIFAR_10)) return CIFAR_100;
  const size = recordBytes(CIFAR_100);
  const records = await readExactly(source, 0, AT_ONCE * size);
  const isFine = Array.from({ length: AT_ONCE }, (_, index) => index * size).every(
    (at) => records[at]! < COARSE_CLASSES && records[at + 1]! < FINE_CLASSES,
  );
  return isFine ? CIFAR_100 : CIFAR_10;
}

/** Red, green and blue planes as a picture. */
export function planarPicture(
  planes: Uint8Array,
  { byColumns, side }: Pick<RecordLayout, "byColumns" | "side"> = CIFAR_10,
): Picture {
  const plane = side * side;
  const data = new Uint8Array(3 * plane);
  for (let pixel = 0; pixel < plane; pixel++) {
    const from = byColumns ? (pixel % side) * side + Math.floor(pixel / side) : pixel;
    data[3 * pixel] = planes[from]!;
    data[3 * pixel + 1] = planes[plane + from]!;
    data[3 * pixel + 2] = planes[2 * plane + from]!;
  }
  return { width: side, height: side, channels: 3, data };
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
