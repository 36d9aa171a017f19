import type { TestSet } from "../evaluation/evaluate-model.ts";
import { loadLabelled } from "../images/load-labelled.ts";
import type { LoadedImages } from "../images/image-set.ts";
import type { Preparation } from "../images/prepare-image.ts";
import { summariseSkipped, type SkippedSummary } from "../images/skipped.ts";
import { counted } from "../text/numbers-text.ts";
import { checkLabels } from "./class-labels.ts";
import { skippedLines } from "./show/skipped-text.ts";

/** Labelled images to judge by, and what is to be known of them. */
export interface LoadedTestSet extends TestSet<LoadedImages> {
  readonly skipped: SkippedSummary;
  /** Images whose label is of no class of the model's: their answers can only be wrong. */
  readonly beyondModel: { readonly images: number; readonly labels: readonly number[] };
  /** Classes of which there is no image, by label: nothing is said of them. */
  readonly classesWithout: readonly number[];
}

/**
 * Labelled test images for a model: a folder with a sub-folder for each class, or a data set with labels.
 *
 * @param note told what was skipped, and what of the labels is odd
 * @throws ImageError when they cannot be read; CommandError when a folder's classes are not the model's.
 */
export async function loadTestSet(
  path: string,
  classes: number,
  preparation: Preparation,
  note: (line: string) => void = () => undefined,
): Promise<LoadedTestSet> {
  const { classNames, images, labels, skipped: files } = await loadLabelled(path, preparation);
  const skipped = summariseSkipped(files);
  for (const line of skippedLines(skipped, path)) note(line);
  // The labels of records may be of other classes: agreement is then all that they tell.
  if (classNames !== undefined) {
    checkLabels({ labels, classNames }, path, { count: classes, names: null });
  }
  const seen = new Set(labels);
  const beyond = [...seen].filter((label) => label >= classes).sort((a, b) => a - b);
  const beyondModel = {
    images: labels.reduce((sum, label) => sum + Number(label >= classes), 0),
    labels: beyond,
  };
  if (beyond.length > 0) {
    note(
      `${beyondModel.images} of ${counted(images.count, "image")} in ${path} have labels that the model has no class for ` +
        `(${few(beyond)}; it has 0 to ${classes - 1}): accuracy counts them as wrong.`,
    );
  }
  const classesWithout = Array.from({ length: classes }, (_, label) => label).filter(
    (label) => !seen.has(label),
  );
  if (classesWithout.length > 0) {
    const names = classesWithout.map((label) => classNames?.[label] ?? String(label));
    note(
      `${path} has no usable image of ${classesWithout.length} of the ${classes} classes (${few(names)}): what is said below is of the others.`,
    );
  }
  return { images, labels, skipped, beyondModel, classesWithout };
}

/** The first of them, and how many more. */
function few(names: readonly (string | number)[]): string {
  const more = names.length - 8;
  return names.slice(0, 8).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
