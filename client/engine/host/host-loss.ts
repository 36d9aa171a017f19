/** Loss and agreement, summed over images. */
export interface HostLoss {
  readonly loss: number;
  readonly agreement: number;
}

export interface LossArguments {
  /** Logits `[images, classes]`. */
  readonly student: Float32Array;
  /** Logits to be softened, or distributions. */
  readonly target: Float32Array;
  readonly targetIs: "logits" | "probabilities";
  readonly classes: number;
  readonly temperature: number;
  /** Images of the whole batch. */
  readonly batchSize: number;
  /** Of the mean loss where it is one term of several; 1 when left out. */
  readonly weight?: number;
  /** Filled with the gradient of the batch's mean loss by the student's logits, times the weight. */
  readonly gradient: Float32Array;
  /** Sums of earlier images. */
  readonly total: HostLoss;
}

/**
 * KL(target ‖ student) at temperature T, added to `total` image by image in float64, and its
 * gradient weight·(softmax(s/T) − target)/(batchSize·T).
 */
export function distillationLoss(given: LossArguments): HostLoss {
  const {
    student,
    target,
    targetIs,
    classes,
    temperature,
    batchSize,
    gradient,
    weight = 1,
  } = given;
  const q = new Float64Array(classes);
  const p = new Float64Array(classes);
  let { loss, agreement } = given.total;
  for (let start = 0; start < student.length; start += classes) {
    const studentNorm = softmax(student, start, temperature, q);
    const targetNorm = targetIs === "logits" ? softmax(target, start, temperature, p) : 0;
    if (targetIs === "probabilities") p.set(target.subarray(start, start + classes));
    let divergence = 0;
    for (let k = 0; k < classes; k++) {
      const share = p[k]!;
      // 0·log 0 = 0
      if (share > 0) {
        const logP =
          targetIs === "logits" ? target[start + k]! / temperature - targetNorm : Math.log(share);
        divergence += share * (logP - (student[start + k]! / temperature - studentNorm));
      }
      gradient[start + k] = (weight * (q[k]! - share)) / (batchSize * temperature);
    }
    loss += divergence;
    if (argmax(student, start, classes) === argmax(target, start, classes)) agreement++;
  }
  return { loss, agreement };
}

/** Softmax of a row at temperature T into `out`; returns the row's log-sum-exp at T. */
function softmax(
  logits: Float32Array,
  start: number,
  temperature: number,
  out: Float64Array,
): number {
  let largest = -Infinity;
  for (let k = 0; k < out.length; k++) {
    largest = Math.max(largest, logits[start + k]! / temperature);
  }
  let sum = 0;
  for (let k = 0; k < out.length; k++) {
    out[k] = Math.exp(logits[start + k]! / temperature - largest);
    sum += out[k]!;
  }
  for (let k = 0; k < out.length; k++) out[k] = out[k]! / sum;
  return largest + Math.log(sum);
}

function argmax(values: Float32Array, start: number, classes: number): number {
  let best = 0;
  for (let k = 1; k < classes; k++) {
    if (values[start + k]! > values[start + best]!) best = k;
  }
  return best;
}
