import type { Tensor } from "./reference-operations.ts";

/** Log-softmax of a row at temperature T. */
function logSoftmax(row: Float64Array, temperature: number): Float64Array {
  const scaled = row.map((value) => value / temperature);
  const largest = Math.max(...scaled);
  const logSum = largest + Math.log(scaled.reduce((sum, v) => sum + Math.exp(v - largest), 0));
  return scaled.map((value) => value - logSum);
}

/** Index of the largest value, and how far the next one is below it. */
function leader(row: Float64Array): { index: number; lead: number } {
  let index = 0;
  row.forEach((value, k) => {
    if (value > row[index]!) index = k;
  });
  let lead = Infinity;
  row.forEach((value, k) => {
    if (k !== index) lead = Math.min(lead, row[index]! - value);
  });
  return { index, lead };
}

/** What the student is compared with: logits to be softened, or the distributions themselves. */
export type ReferenceTarget =
  | { readonly logits: Tensor; readonly temperature: number }
  | { readonly probabilities: Float64Array };

export interface ReferenceLoss {
  /** KL(target ‖ student), mean over the rows, no T² factor. */
  readonly loss: number;
  readonly agreement: number;
  /** Gradient of the loss with respect to the student's logits. */
  readonly dLogits: Tensor;
  /** Smallest lead of a row's largest entry: how safe `agreement` is from rounding. */
  readonly smallestLead: number;
}

export function referenceLoss(student: Tensor, target: ReferenceTarget): ReferenceLoss {
  const [rows, classes] = student.shape as [number, number];
  const temperature = "logits" in target ? target.temperature : 1;
  const answers = "logits" in target ? target.logits.values : target.probabilities;
  const gradient = new Float64Array(rows * classes);
  let loss = 0;
  let agree = 0;
  let smallestLead = Infinity;
  for (let row = 0; row < rows; row++) {
    const from = row * classes;
    const logits = student.values.subarray(from, from + classes);
    const answer = answers.subarray(from, from + classes);
    const logQ = logSoftmax(logits, temperature);
    const logP = "logits" in target ? logSoftmax(answer, temperature) : answer.map(Math.log);
    for (let k = 0; k < classes; k++) {
      const p = Math.exp(logP[k]!);
      // 0·log 0 is 0.
      if (p > 0) loss += (p * (logP[k]! - logQ[k]!)) / rows;
      gradient[from + k] = (Math.exp(logQ[k]!) - p) / (rows * temperature);
    }
    const ours = leader(logits);
    const theirs = leader(answer);
    if (ours.index === theirs.index) agree++;
    smallestLead = Math.min(smallestLead, ours.lead, theirs.lead);
  }
  const dLogits = { shape: student.shape, values: gradient };
  return { loss, agreement: agree / rows, dLogits, smallestLead };
}
