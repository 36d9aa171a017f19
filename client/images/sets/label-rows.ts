const WANTED =
  "labels are a whole number from 0 on for each picture, or a row for each that is 1 at its class and 0 elsewhere (one-hot)";

/** As many classes as a model may have. */
const MOST_CLASSES = 10_000;

/**
 * Classes by rows of numbers: a number each, or one-hot.
 *
 * @param rows one of `rowLength` for each picture, read only where that may be
 * @returns what is wrong where they are no labels.
 */
export async function labelsIn(
  rows: AsyncIterable<ArrayLike<number>>,
  count: number,
  rowLength: number,
): Promise<Uint32Array | string> {
  if (rowLength > MOST_CLASSES) {
    return `it has ${rowLength} numbers for each picture, and a model has at most ${MOST_CLASSES} classes: ${WANTED}`;
  }
  const labels = new Uint32Array(count);
  let at = 0;
  for await (const row of rows) {
    const label = row.length === 1 ? row[0]! : classOf(row);
    if (typeof label === "string") return label;
    if (!Number.isInteger(label) || label < 0 || label >= 2 ** 32) {
      return `it holds ${label} for picture ${at}: ${WANTED}`;
    }
    labels[at++] = label;
  }
  return labels;
}

/** The one place at which a row is 1. */
function classOf(row: ArrayLike<number>): number | string {
  let found = -1;
  for (let place = 0; place < row.length; place++) {
    const value = row[place]!;
    if (value === 0) continue;
    if (value !== 1 || found >= 0) {
      return `its rows of ${row.length} are no one-hot labels (${value} at ${place}): ${WANTED}. numpy.argmax(labels, 1) makes classes of probabilities`;
    }
    found = place;
  }
  return found >= 0 ? found : `it has a row of zeros: ${WANTED}`;
}
