/** Images as they were decoded: what augmentation and normalisation start from. */
export interface ImageSet {
  /** `[count, height, width, channels]`, row-major, 0–255. */
  readonly pixels: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Number of pixel values of one image. */
export function imageSize({ height, width, channels }: ImageSet): number {
  return height * width * channels;
}

/** Chosen images, in order, one after another: `[indices.length, height, width, channels]`. */
export function gatherPixels(images: ImageSet, indices: readonly number[]): Uint8Array {
  const size = imageSize(images);
  const gathered = new Uint8Array(indices.length * size);
  indices.forEach((index, position) => {
    gathered.set(images.pixels.subarray(index * size, (index + 1) * size), position * size);
  });
  return gathered;
}
