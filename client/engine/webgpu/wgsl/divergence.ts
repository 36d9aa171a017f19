/**
 * KL(teacher ‖ student) of one image at a temperature, class by class: shader code that both the
 * separate loss and the fused head are made of.
 *
 * Names in scope: `temperature`, `largest` (of the student's logits), `target_largest`, the sums of
 * exponentials `sum` and `target_sum`, their logarithms `log_sum` and `target_log_sum`, `loss`.
 */
export interface Divergence {
  /** Expression: the student's logit of the class. */
  readonly logit: string;
  /** Expression: the teacher's logit, or a probability. */
  readonly given: string;
  /** Whether `given` is a logit. */
  readonly fromLogits: boolean;
  /** Expression: factor of the gradient. */
  readonly share: string;
}

/** Statements: adds the class to `sum` and `target_sum`. */
export function addExponentials({ logit, given, fromLogits }: Divergence): string {
  const ofTarget = fromLogits
    ? `target_sum += exp((${given} - target_largest) / temperature);`
    : "";
  return `sum += exp((${logit} - largest) / temperature);\n${ofTarget}`;
}

/** Statements: adds the class to `loss`, unless its probability is 0; `gradient` by its logit. */
export function addDivergence({ logit, given, fromLogits, share }: Divergence): string {
  const target = fromLogits
    ? `let log_p = (${given} - target_largest) / temperature - target_log_sum;
let p = exp(log_p);`
    : `let p = ${given};
let log_p = log(p);`;
  return `let log_q = (${logit} - largest) / temperature - log_sum;
${target}
if (p > 0.0) { loss += p * (log_p - log_q); }
let gradient = (exp(log_q) - p) / temperature * ${share};`;
}
