import { wantedClass, type AttackTarget } from "./attack-target.ts";

/**
 * What a classifier is judged by, as BackdoorBench defines it (Wu et al. 2022). All are fractions of
 * counts, 0 to 1; null where there is nothing to count. Labels only ever report, they never steer.
 */

/** ACC: share of predictions that equal the labels. */
export function accuracy(predictions: ArrayLike<number>, labels: ArrayLike<number>): number | null {
  return share(predictions, (prediction, index) => prediction === labels[index]);
}

/**
 * ASR: share of stamped images answered with the class the attacker wants for them, among those
 * whose true label is another. All-to-all wants another class for every image.
 *
 * @param labels TRUE labels of the stamped images.
 *
 * @example
 * attackSuccessRate(answers, labels, 0);
 * attackSuccessRate(answers, labels, { kind: "all-to-all", classes: 10 });
 */
export function attackSuccessRate(
  predictions: ArrayLike<number>,
  labels: ArrayLike<number>,
  target: AttackTarget,
): number | null {
  return share(
    predictions,
    (prediction, index) => prediction === wantedClass(labels[index]!, target),
    (index) => labels[index] !== wantedClass(labels[index]!, target),
  );
}

/** RA: share of the same images answered with their true label. */
export function robustAccuracy(
  predictions: ArrayLike<number>,
  labels: ArrayLike<number>,
  target: AttackTarget,
): number | null {
  return share(
    predictions,
    (prediction, index) => prediction === labels[index],
    (index) => labels[index] !== wantedClass(labels[index]!, target),
  );
}

/** Share of images on which two models give the same class. */
export function agreementRate(
  predictions: ArrayLike<number>,
  others: ArrayLike<number>,
): number | null {
  return accuracy(predictions, others);
}

function share(
  predictions: ArrayLike<number>,
  hit: (prediction: number, index: number) => boolean,
  counted: (index: number) => boolean = () => true,
): number | null {
  let total = 0;
  let hits = 0;
  for (let index = 0; index < predictions.length; index++) {
    if (!counted(index)) continue;
    total++;
    if (hit(predictions[index]!, index)) hits++;
  }
  return total === 0 ? null : hits / total;
}
