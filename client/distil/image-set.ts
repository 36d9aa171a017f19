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
