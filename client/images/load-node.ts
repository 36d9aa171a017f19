import { open, readdir, readFile, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ImageShape } from "../../protocol/model/graph.ts";
import { RECORD_BYTES, RECORD_SIDE, recordImage, recordLabels } from "./cifar-records.ts";
import { collectImages, type ImageImportOptions, type ImageSource } from "./collect-images.ts";
import { decodeImage } from "./decode-node.ts";
import { isHidden } from "./hidden-names.ts";
import { ImageError } from "./image-error.ts";
import { ImageSetBuilder, type ImportedImages } from "./image-set-builder.ts";

/**
 * Loads what stands at a path as images of the model's shape: a folder (with its subfolders, sorted
 * by name), a zip, a file of CIFAR records (`*.bin`) or a single picture.
 *
 * @throws ImageError `unreadable-image-set` when the path is not there or a named file is damaged,
 *   `no-images` when nothing in it is usable.
 *
 * @example
 * const images = await loadImages("./photos", graph.inputShape);
 * console.log(images.count, images.skipped); // 812 [{ name: "notes.png", reason: "…text" }]
 */
export async function loadImages(
  path: string,
  shape: ImageShape,
  options: ImageImportOptions = {},
): Promise<ImportedImages> {
  const { isDirectory, size } = await statOrExplain(path);
  const sources = isDirectory ? folderSources(path) : [fileSource(path, path, size)];
  return collectImages(sources, {
    ...options,
    place: path,
    shape,
    decode: decodeImage,
    single: !isDirectory,
  });
}

/** Labelled test data, for reports only. */
export interface LabelledImages {
  readonly images: ImportedImages;
  /** Label byte of each image. */
  readonly labels: Uint8Array;
}

/**
 * Loads CIFAR records with their labels, for `evaluate`; nothing that trains calls this.
 *
 * @throws ImageError when the file cannot be read or its length is not that of records.
 *
 * @example
 * const { images, labels } = await loadLabelledRecords("test.bin", graph.inputShape);
 */
export async function loadLabelledRecords(
  path: string,
  shape: ImageShape = { height: RECORD_SIDE, width: RECORD_SIDE, channels: 3 },
): Promise<LabelledImages> {
  await statOrExplain(path);
  const bytes = await readFile(path);
  const labels = recordLabels(bytes, path);
  const builder = new ImageSetBuilder(shape);
  for (let at = 0; at < bytes.length; at += RECORD_BYTES) {
    builder.add(recordImage(bytes.subarray(at, at + RECORD_BYTES)));
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
