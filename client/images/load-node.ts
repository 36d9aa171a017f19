import { open, readdir, readFile, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { RECORD_BYTES, RECORD_SHAPE, recordImage, recordLabels } from "./cifar-records.ts";
import { collectImages, type ImageImportOptions, type ImageSource } from "./collect-images.ts";
import { decodeImage } from "./decode-node.ts";
import { isHidden } from "./hidden-names.ts";
import { ImageError } from "./image-error.ts";
import { openImageFile } from "./image-file-node.ts";
import { MemoryKeeper, SpillingKeeper, type ImageKeeper } from "./image-keeper.ts";
import { ImageSetBuilder, type Imported } from "./image-set-builder.ts";
import type { ImageSet, LoadedImages } from "./image-set.ts";
import { prepareImage, squashedTo, type Preparation } from "./prepare-image.ts";

/**
 * Loads what stands at a path as images for the model: a folder (with its subfolders, sorted
 * by name), a zip, a file of CIFAR records (`*.bin`) or a single picture.
 *
 * @throws ImageError `unreadable-image-set` when the path is not there or a named file is damaged,
 *   `no-images` when nothing in it is usable.
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
    single: !isDirectory,
  });
}

/** Labelled test data, for reports only. */
export interface LabelledImages {
  readonly images: Imported<LoadedImages>;
  /** Label byte of each image. */
  readonly labels: Uint8Array;
}

/**
 * Loads CIFAR records with their labels, for `evaluate`; nothing that trains calls this.
 *
 * @throws ImageError when the file cannot be read or its length is not that of records.
 *
 * @example
 * const { images, labels } = await loadLabelledRecords("test.bin", squashedTo(graph.inputShape));
 */
export async function loadLabelledRecords(
  path: string,
  preparation: Preparation = squashedTo(RECORD_SHAPE),
): Promise<LabelledImages> {
  await statOrExplain(path);
  const bytes = await readFile(path);
  const labels = recordLabels(bytes, path);
  const builder = new ImageSetBuilder(new MemoryKeeper(preparation));
  for (let at = 0; at < bytes.length; at += RECORD_BYTES) {
    const picture = recordImage(bytes.subarray(at, at + RECORD_BYTES));
    await builder.add(prepareImage(picture, preparation));
  }
  return { images: builder.finish(path), labels };
}

async function statOrExplain(path: string): Promise<{ isDirectory: boolean; size: number }> {
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

function fileSource(path: string, name: string, size: number): ImageSource {
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const file = await open(path);
    try {
      const buffer = new Uint8Array(Math.min(length, size - offset));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  };
  return { name, size, read };
}

/** Files below a folder in order of their names (by code unit, so alike on every machine). */
async function* folderSources(root: string): AsyncGenerator<ImageSource> {
  // A link back to a folder above must not be followed for ever.
  const visited = new Set<string>();
  async function* below(folder: string, prefix: string): AsyncGenerator<ImageSource> {
    const real = await realpath(folder);
    if (visited.has(real)) return;
    visited.add(real);
    for (const name of (await readdir(folder)).sort()) {
      if (isHidden(name)) continue;
      const path = join(folder, name);
      const found = await stat(path).catch(() => undefined);
      if (found?.isDirectory()) yield* below(path, `${prefix}${name}/`);
      else if (found?.isFile()) yield fileSource(path, prefix + name, found.size);
    }
  }
  yield* below(root, "");
}
