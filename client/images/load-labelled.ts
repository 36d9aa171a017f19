import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { collectImages, type ImageImportOptions, type Sources } from "./collect-images.ts";
import { decodeImage } from "./decode-node.ts";
import { fileSource, folderSources } from "./files-node.ts";
import { isHidden } from "./hidden-names.ts";
import { ImageError } from "./image-error.ts";
import { MemoryKeeper } from "./image-keeper.ts";
import type { SkippedFile } from "./skipped.ts";
import type { LoadedImages } from "./image-set.ts";
import { labelTable } from "./label-table.ts";
import { statOrExplain } from "./load-node.ts";
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
 * Loads labelled images for the model: a folder with one sub-folder for each class, as torchvision's
 * ImageFolder reads it (labels count the sub-folders in the order of their names by code unit; a
 * sub-folder may be empty; in BackdoorBench's `bd_test_dataset` they are the labels), or a data set that has
 * labels of its own (`file-kinds.ts`): a file of it, or a folder of such files.
 *
 * Nothing that cleanses a model calls this.
 *
 * @throws ImageError `unreadable-image-set` when the path is not there or an image has no label,
 *   `no-images` when nothing is usable.
 *
 * @example
 * const { images, labels, classNames } = await loadLabelled("signs/train", squashedTo(graph.inputShape));
 */
export async function loadLabelled(
  path: string,
  preparation: Preparation,
  options: Pick<ImageImportOptions, "signal"> = {},
): Promise<LabelledSet> {
  const { sources, classNames, table } = await labelledSources(path);
  const labels: number[] = [];
  const { skipped, ...images } = await collectImages(sources, {
    ...options,
    place: path,
    preparation,
    keeper: new MemoryKeeper(preparation),
    decode: decodeImage,
    onLabel(told, name) {
      const label = told ?? table.get(name);
      if (label === undefined || label < 0) throw noLabel(path, name);
      labels.push(label);
    },
  });
  return { images, labels: Uint32Array.from(labels), classNames, skipped };
}

/**
 * The folder, beside an `attack_result.pt`, of test images that BackdoorBench stamped (`attack/badnet.py`),
 * in sub-folders named by the numbers of their true classes; the target's is not there.
 */
const STAMPED_BY_BACKDOORBENCH = "bd_test_dataset";

interface LabelledSources {
  readonly sources: Sources;
  readonly classNames: readonly string[] | undefined;
  /** Labels by the names of files. */
  readonly table: ReadonlyMap<string, number>;
}

async function labelledSources(path: string): Promise<LabelledSources> {
  const { isDirectory, size } = await statOrExplain(path);
  const ofItself = { classNames: undefined, table: new Map<string, number>() };
  if (!isDirectory) return { ...ofItself, sources: [fileSource(path, path, size)] };
  const names = (await readdir(path)).filter((name) => !isHidden(name)).sort();
  const classNames: string[] = [];
  for (const name of names) {
    if ((await stat(join(path, name)).catch(() => undefined))?.isDirectory()) classNames.push(name);
  }
  if (classNames.length > 0) {
    if (basename(resolve(path)) === STAMPED_BY_BACKDOORBENCH && classNames.every(isNumber)) {
      return { ...ofItself, sources: classSources(path, classNames, Number) };
    }
    const sources = classSources(path, classNames, (name) => classNames.indexOf(name));
    return { ...ofItself, classNames, sources };
  }
  const tables = names.filter((name) => /\.csv$/i.test(name));
  const texts = await Promise.all(tables.map((name) => readFile(join(path, name), "utf8")));
  const table = new Map<string, number>();
  for (const text of texts) for (const [file, label] of labelTable(text)) table.set(file, label);
  return { classNames: undefined, table, sources: folderSources(path) };
}

async function* classSources(
  root: string,
  names: readonly string[],
  labelOf: (name: string) => number,
): AsyncGenerator<SourceOf> {
  for (const name of names) {
    yield* folderSources(join(root, name), `${name}/`, labelOf(name));
  }
}

/** A class by its number. */
function isNumber(name: string): boolean {
  return /^(?:0|[1-9]\d{0,6})$/.test(name);
}

type SourceOf = Sources extends AsyncIterable<infer Source> | Iterable<infer Source>
  ? Source
  : never;

function noLabel(path: string, name: string): ImageError {
  return new ImageError(
    "unreadable-image-set",
    `${name === path ? path : `${name} in ${path}`} has no label: labelled images stand in one sub-folder for each class, ` +
      "or in a data set with labels of its own (CIFAR records or batches; MNIST's files, npy or npz with the labels beside; parquet with a column of labels; tar with a .cls for each picture)",
  );
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
