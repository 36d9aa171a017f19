/** How data sets name the file of labels that goes with a file of pictures. */
const PAIRS: readonly (readonly [pictures: RegExp, labels: string])[] = [
  [/images/, "labels"],
  [/Images/, "Labels"],
  [/imgs/, "labels"],
  [/(^|_)x(?=[_.]|$)/, "$1y"],
  [/(^|_)X(?=[_.]|$)/, "$1Y"],
  [/(^|_)X(?=[_.]|$)/, "$1y"],
  [/data/, "labels"],
  [/arr_0/, "arr_1"],
];

/**
 * Names under which labels may lie beside a file of pictures, likeliest first.
 *
 * @param path of the pictures
 *
 * @example
 * labelFileNames("mnist/t10k-images-idx3-ubyte"); // ["t10k-labels-idx1-ubyte", …]
 */
export function labelFileNames(path: string): readonly string[] {
  const name = path.slice(path.lastIndexOf("/") + 1).replace(/idx[34]/, "idx1");
  const extension = /\.[^.]*$/.exec(name)?.[0] ?? "";
  const paired = PAIRS.filter(([pictures]) => pictures.test(name)).map(([pictures, labels]) =>
    name.replace(pictures, labels),
  );
  // CIFAR-10-C has one for all its corruptions.
  return [...new Set([...paired, `labels${extension}`])];
}

/** What files of labels are called: `y_train.npy`, `train-labels-idx1-ubyte`, `targets.npy`. */
const LABELS = /(^|[\W_])(y|labels?|targets?)(?=[\W_]|$)/i;

/** Whether an array is one of labels, a number or a row each, by its file's name and its shape. */
export function isOfLabels(path: string, shape: readonly number[]): boolean {
  return shape.length <= 2 && LABELS.test(path.slice(path.lastIndexOf("/") + 1));
}
