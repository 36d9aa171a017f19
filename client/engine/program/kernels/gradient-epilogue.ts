import type { Activation } from "../../../../protocol/model/graph.ts";
import type { Operand, PartialSums, Reading } from "../operands.ts";
import { operandsOf, present } from "./kernel.ts";

/** An activation f that gave a value, and what its derivative is told from. */
export interface ActivatedValue {
  readonly activation: Activation;
  /** f(x) or x, see `ActivationRules.derivativeFrom`. */
  readonly from: Reading;
}

/**
 * What a gradient meets on its way to a value: contributions are added up, then come through the
 * activation that gave the value, if one did, then the sums a batch norm's gradient needs are taken.
 */
export interface GradientEpilogue {
  /** Earlier contributions of the same shape; may be the memory of the output. */
  readonly addend: Operand | undefined;
  /** Undefined: no activation. */
  readonly activated: ActivatedValue | undefined;
  /** Σg and Σ g·z over the gradient g before the activation, z the batch norm's input. */
  readonly sums: (PartialSums & { readonly z: Operand }) | undefined;
}

export function epilogueReads({ addend, activated, sums }: GradientEpilogue): Operand[] {
  return [...present(addend, sums?.z), ...operandsOf(activated?.from)];
}
