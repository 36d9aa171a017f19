import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { isHidden } from "./hidden-names.ts";
import { ImageError } from "./image-error.ts";
import { imageSize, type LoadedImages } from "./image-set.ts";
import { loadImages } from "./load-node.ts";
import type { Preparation } from "./prepare-image.ts";

/** So many files are looked at for each picture that is wanted, at most. */
const LOOKED_AT = 2;

/**
 * A few pictures of a folder, spread evenly over it, as images: to see what another size makes of them.
 *
 * @returns undefined where no folder is there, or too few of its files are pictures
 *
 * @example
 * const few = await samplePictures("photos/", preparationFor(shape, preprocessing), 64);
 */
export async function samplePictures(
  path: string,
  preparation: Preparation,
  count: number,
): Promise<LoadedImages | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) return undefined;
  const files = (await readdir(path, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !isHidden(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  const { channels, height, width } = preparation;
  const size = imageSize({ channels, height, width });
  const pixels = new Uint8Array(count * size);
  // Every other one first, so that they are spread over all where each is a picture.
  const spread = Array.from({ length: LOOKED_AT * count }, (_, i) =>
    Math.floor((i * files.length) / (LOOKED_AT * count)),
  );
  const order = [...spread.filter((_, i) => i % 2 === 0), ...spread.filter((_, i) => i % 2 === 1)];
  let taken = 0;
  for (const at of new Set(order)) {
    if (taken === count || at >= files.length) break;
    const image = await pictureIn(files[at]!, preparation);
    if (image === undefined) continue;
    pixels.set(image, taken * size);
    taken++;
  }
  if (taken < count) return undefined;
  return { channels, height, width, count, pixels };
}

async function pictureIn(file: string, preparation: Preparation): Promise<Uint8Array | undefined> {
  try {
    const { count, pixels } = await loadImages(file, preparation);
    return count === 1 ? pixels : undefined;
  } catch (error) {
    if (error instanceof ImageError) return undefined;
    throw error;
  }
}
