import { stat } from "node:fs/promises";
import { collectImages, type ImageImportOptions } from "./collect-images.ts";
import { decodeImage } from "./decode-node.ts";
import { fileSource, folderSources } from "./files-node.ts";
import { ImageError } from "./image-error.ts";
import { openImageFile } from "./image-file-node.ts";
import { MemoryKeeper, SpillingKeeper, type ImageKeeper } from "./image-keeper.ts";
import type { Imported } from "./image-set-builder.ts";
import type { ImageSet, LoadedImages } from "./image-set.ts";
import type { Preparation } from "./prepare-image.ts";

/**
 * Loads what stands at a path as images for the model: a folder (with its subfolders, sorted
 * by name), an archive, a data set or a single picture (`file-kinds.ts`).
 *
 * @throws ImageError `unreadable-image-set` when the path is not there, `no-images` when nothing in it is
 *   usable.
 *
 * @example
 * const images = await loadImages("./photos", preparationFor(graph.inputShape, preprocessing));
 * console.log(images.count, images.skipped); // 812 [{ name: "notes.png", reason: "…text" }]
 */
export async function loadImages(
  path: string,
  preparation: Preparation,
  options: ImageImportOptions = {},
): Promise<Imported<LoadedImages>> {
  return await importImages(path, preparation, new MemoryKeeper(preparation), options);
}

/**
 * As `loadImages`, for as many as there are: when they are more than a few hundred megabytes, they are kept
 * in a temporary file until the set is closed or the process ends.
 *
 * @throws ImageError as `loadImages`; `too-many-images` when they find no room.
 *
 * @example
 * const images = await storeImages("./photos", preparation);
 * const pixels = await readPixels(images, [0, 7]);
 */
export async function storeImages(
  path: string,
  preparation: Preparation,
  options: ImageImportOptions = {},
): Promise<Imported<ImageSet>> {
  const keeper = new SpillingKeeper(preparation, openImageFile);
  return await importImages(path, preparation, keeper, options);
}

async function importImages<Set extends ImageSet>(
  path: string,
  preparation: Preparation,
  keeper: ImageKeeper<Set>,
  options: ImageImportOptions,
): Promise<Imported<Set>> {
  const { isDirectory, size } = await statOrExplain(path);
  const sources = isDirectory ? folderSources(path) : [fileSource(path, path, size)];
  return collectImages(sources, {
    ...options,
    place: path,
    preparation,
    keeper,
    decode: decodeImage,
  });
}

/** @throws ImageError `unreadable-image-set` when nothing is there, or it may not be looked at. */
export async function statOrExplain(
  path: string,
): Promise<{ readonly isDirectory: boolean; readonly size: number }> {
  try {
    const found = await stat(path);
    return { isDirectory: found.isDirectory(), size: found.size };
  } catch (cause) {
    throw new ImageError(
      "unreadable-image-set",
      `there is no folder or file ${path} that can be read; check the path`,
      { cause },
    );
  }
}
