import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { LoadedImages } from "./image-set.ts";
import { isHidden } from "./hidden-names.ts";
import { ImageError } from "./image-error.ts";
import type { ImageImportOptions } from "./collect-images.ts";
import type { SkippedFile } from "./image-set-builder.ts";
import { loadImages, loadLabelledRecords } from "./load-node.ts";
import type { Preparation } from "./prepare-image.ts";

/** Images with labels: for reports, and for the attacker that `attack train` plays. */
export interface LabelledSet {
  readonly images: LoadedImages;
  /** Class of each image, from 0 on. */
  readonly labels: Uint32Array;
  /** Names of the classes by label, where the source tells them. */
  readonly classNames: readonly string[] | undefined;
  readonly skipped: readonly SkippedFile[];
}

/**
 * Loads labelled images for the model: a file of CIFAR records, or a folder with one
 * sub-folder for each class, as torchvision's ImageFolder reads it (labels count the sub-folders in
 * the order of their names by code unit). A sub-folder may be empty: the class then has no images.
 *
 * Nothing that cleanses a model calls this.
 *
 * @throws ImageError `unreadable-image-set` when the path is not there, a file is not of records, or
 *   a folder has no sub-folders; `no-images` when nothing in a sub-folder is usable.
 *
 * @example
 * const { images, labels, classNames } = await loadLabelled("signs/train", squashedTo(graph.inputShape));
 */
export async function loadLabelled(
  path: string,
  preparation: Preparation,
  options: Pick<ImageImportOptions, "signal"> = {},
): Promise<LabelledSet> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return await loadClassFolders(path, preparation, options);
  const { images, labels } = await loadLabelledRecords(path, preparation);
  return { images, labels: Uint32Array.from(labels), classNames: undefined, skipped: [] };
}

async function loadClassFolders(
  root: string,
  preparation: Preparation,
  options: Pick<ImageImportOptions, "signal">,
): Promise<LabelledSet> {
  const classNames = await subfolders(root);
  if (classNames.length === 0) {
    throw new ImageError(
      "unreadable-image-set",
      `${root} has no sub-folders: labelled images stand in one sub-folder for each class; or name a file of CIFAR records`,
    );
  }
  const parts: LabelledSet[] = [];
  for (const [label, name] of classNames.entries()) {
    const folder = join(root, name);
    if ((await readdir(folder)).every((file) => isHidden(file))) continue;
    const images = await loadImages(folder, preparation, options);
    const skipped = images.skipped.map((file) => ({ ...file, name: `${name}/${file.name}` }));
    const labels = new Uint32Array(images.count).fill(label);
    parts.push({ images, labels, classNames, skipped });
  }
  if (parts.length === 0) {
    throw new ImageError("no-images", `no usable images in ${root}: every sub-folder is empty`);
  }
  return { ...joinLabelled(parts), classNames };
}

async function subfolders(root: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const name of (await readdir(root)).sort()) {
    if (isHidden(name)) continue;
    if ((await stat(join(root, name)).catch(() => undefined))?.isDirectory()) names.push(name);
  }
  return names;
}

/**
 * Several sets as one, in order.
 *
 * @throws ImageError `unreadable-image-set` when their classes go by different names.
 */
export function joinLabelled(parts: readonly LabelledSet[]): LabelledSet {
  const [first] = parts;
  if (first === undefined) throw new RangeError("no sets to join");
  if (parts.length === 1) return first;
  const named = JSON.stringify(first.classNames);
  if (parts.some(({ classNames }) => JSON.stringify(classNames) !== named)) {
    throw new ImageError(
      "unreadable-image-set",
      "the labelled sets name different classes: give files of CIFAR records, or folders with the same sub-folders",
    );
  }
  const count = parts.reduce((sum, { images }) => sum + images.count, 0);
  const { height, width, channels } = first.images;
  const pixels = new Uint8Array(count * height * width * channels);
  const labels = new Uint32Array(count);
  let at = 0;
  for (const part of parts) {
    pixels.set(part.images.pixels, at * height * width * channels);
    labels.set(part.labels, at);
    at += part.images.count;
  }
  return {
    images: { pixels, count, height, width, channels },
    labels,
    classNames: first.classNames,
    skipped: parts.flatMap(({ skipped }) => skipped),
  };
}
