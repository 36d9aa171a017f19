import type { TestSet } from "../evaluation/evaluate-model.ts";
import { loadLabelled } from "../images/load-labelled.ts";
import type { LoadedImages } from "../images/image-set.ts";
import type { Preparation } from "../images/prepare-image.ts";
import { checkLabels } from "./class-labels.ts";

/**
 * Labelled test images for a model: CIFAR records, or a folder with a sub-folder for each class.
 *
 * @throws ImageError when they cannot be read; CommandError when a folder's classes are not the model's.
 */
export async function loadTestSet(
  path: string,
  classes: number,
  preparation: Preparation,
): Promise<TestSet<LoadedImages>> {
  const set = await loadLabelled(path, preparation);
  // The labels of records may be of other classes: agreement is then all that they tell.
  if (set.classNames !== undefined) checkLabels(set, path, { count: classes, names: null });
  return set;
}
