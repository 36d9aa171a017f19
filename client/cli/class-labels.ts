import type { LabelledSet } from "../images/load-labelled.ts";
import { CommandError } from "./command-error.ts";

/** The classes that labels must be of. */
export interface Classes {
  readonly count: number;
  /** By label; null where only numbers are known. */
  readonly names: readonly string[] | null;
}

/**
 * Checks that labelled images are of a model's classes: a folder that lacks one would shift all
 * labels after it.
 *
 * @param path what the images came from, for the message.
 * @throws CommandError saying what does not fit.
 */
export function checkLabels(
  { labels, classNames }: Pick<LabelledSet, "labels" | "classNames">,
  path: string,
  classes: Classes,
): void {
  const highest = labels.reduce((most, label) => Math.max(most, label), 0);
  if (highest >= classes.count) {
    throw new CommandError(
      `${path} holds the label ${highest}, the model has the classes 0 to ${classes.count - 1}`,
      "Give images of the model's classes, or another --classes where a new model is trained.",
    );
  }
  if (classNames === undefined) return;
  const expected = classes.names ?? classNames;
  const agree = classNames.every((name, label) => name === expected[label]);
  if (classNames.length === classes.count && agree) return;
  throw new CommandError(
    `the ${classNames.length} sub-folders of ${path} are not the model's ${classes.count} classes, so labels would be wrong`,
    classes.names === null
      ? "Give one sub-folder for each class; those of classes without images may be empty."
      : `The model's classes are ${classes.names.join(", ")}; sub-folders of classes without images may be empty.`,
  );
}
