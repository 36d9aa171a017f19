/** Softmax(row/T) into `out`, and the row's log-sum-exp at T, in float64. */
function softmax(
  logits: Float32Array,
  start: number,
  classes: number,
  temperature: number,
  out: Float64Array,
): number {
  let largest = -Infinity;
  for (let k = 0; k < classes; k++) {
    largest = Math.max(largest, logits[start + k]! / temperature);
  }
  let sum = 0;
  for (let k = 0; k < classes; k++) {
    const value = Math.exp(logits[start + k]! / temperature - largest);
    out[k] = value;
    sum += value;
  }
  for (let k = 0; k < classes; k++) out[k] = out[k]! / sum;
  return largest + Math.log(sum);
}

function argmax(values: Float32Array, start: number, classes: number): number {
  let best = 0;
  for (let k = 1; k < classes; k++) {
    if (values[start + k]! > values[start + best]!) best = k;
  }
  return best;
}

/** Loss, agreement and gradient of the logits, over memory of the host. */
export interface HostLoss {
  readonly loss: number;
  readonly agreement: number;
}

/**
 * KL(target ‖ student) at temperature T, mean over the rows, and its gradient with respect to the
 * student's logits, (softmax(s/T) − target)/(N·T), into `gradient`.
 *
 * @param target logits to be softened at T, or with `targetIs` "probabilities" the distributions
 *   themselves.
 */
export function distillationLoss(
  student: Float32Array,
  target: Float32Array,
  targetIs: "logits" | "probabilities",
  classes: number,
  temperature: number,
  gradient: Float32Array,
): HostLoss {
  const rows = student.length / classes;
  const q = new Float64Array(classes);
  const p = new Float64Array(classes);
  let loss = 0;
  let agree = 0;
  for (let row = 0; row < rows; row++) {
    const start = row * classes;
    const studentNorm = softmax(student, start, classes, temperature, q);
    let targetNorm = 0;
    if (targetIs === "logits") targetNorm = softmax(target, start, classes, temperature, p);
    else for (let k = 0; k < classes; k++) p[k] = target[start + k]!;
    for (let k = 0; k < classes; k++) {
      const share = p[k]!;
      if (share > 0) {
        const logP =
          targetIs === "logits" ? target[start + k]! / temperature - targetNorm : Math.log(share);
        loss += share * (logP - (student[start + k]! / temperature - studentNorm));
      }
      gradient[start + k] = (q[k]! - share) / (rows * temperature);
    }
    if (argmax(student, start, classes) === argmax(target, start, classes)) agree++;
  }
  return { loss: loss / rows, agreement: agree / rows };
}
