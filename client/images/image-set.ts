import type { ImageShape } from "../../protocol/model/graph.ts";

/** Images in memory. */
export interface LoadedImages extends ImageShape {
  /** `[count, height, width, channels]`, row-major, 0–255. */
  readonly pixels: Uint8Array;
  readonly count: number;
}

/** Images that are kept elsewhere and read as they are needed. */
interface StoredImages extends ImageShape {
  readonly count: number;
  /** Chosen images, in order, one after another: `[indices.length, height, width, channels]`. */
  read(indices: readonly number[]): Promise<Uint8Array>;
  /** Gives the place up that they take; they cannot be read afterwards. */
  close(): Promise<void>;
}

/** Images as a model's are: what augmentation and normalisation start from. */
export type ImageSet = LoadedImages | StoredImages;

/** Number of pixel values of one image. */
export function imageSize({ height, width, channels }: ImageShape): number {
  return height * width * channels;
}

/** Chosen images, in order, one after another: `[indices.length, height, width, channels]`. */
export async function readPixels(
  images: ImageSet,
  indices: readonly number[],
): Promise<Uint8Array> {
  return "pixels" in images ? gatherPixels(images, indices) : await images.read(indices);
}

/** As `readPixels`, of images in memory. */
export function gatherPixels(images: LoadedImages, indices: readonly number[]): Uint8Array {
  const size = imageSize(images);
  const gathered = new Uint8Array(indices.length * size);
  indices.forEach((index, position) => {
    gathered.set(images.pixels.subarray(index * size, (index + 1) * size), position * size);
  });
  return gathered;
}

/** Some of the images, in this order, as a set: a copy of those in memory, otherwise read from the same place. */
export function someImages<Set extends ImageSet>(images: Set, indices: readonly number[]): Set {
  const count = indices.length;
  if ("pixels" in images) return { ...images, pixels: gatherPixels(images, indices), count };
  const read = (chosen: readonly number[]): Promise<Uint8Array> =>
    images.read(chosen.map((index) => indices[index]!));
  return { ...images, read, count };
}

/** Gives up what images take that are not in memory. */
export async function closeImages(images: ImageSet): Promise<void> {
  if (!("pixels" in images)) await images.close();
}
