import type { ImageShape } from "../../protocol/model/graph.ts";
import { imageSize, readPixels, type ImageSet, type LoadedImages } from "./image-set.ts";
import type { Picture } from "./picture.ts";
import { resample } from "./resample.ts";

/**
 * Chosen images in another size: not what their pictures would give at it, but near enough to tell which
 * size a model was trained with.
 */
export async function resizedImages(
  images: ImageSet,
  indices: readonly number[],
  { height, width }: Pick<ImageShape, "height" | "width">,
): Promise<LoadedImages> {
  const { channels } = images;
  if (channels !== 1 && channels !== 3) throw new RangeError(`images of ${channels} channels`);
  const size = imageSize(images);
  const shape = { height, width, channels };
  const pixels = new Uint8Array(indices.length * imageSize(shape));
  const all = await readPixels(images, indices);
  for (let i = 0; i < indices.length; i++) {
    const data = all.subarray(i * size, (i + 1) * size);
    const picture: Picture = { width: images.width, height: images.height, channels, data };
    const filter = { interpolation: "bilinear", antialias: true } as const;
    pixels.set(resample(picture, width, height, filter).data, i * imageSize(shape));
  }
  return { ...shape, pixels, count: indices.length };
}
