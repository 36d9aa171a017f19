import type {
  Activation,
  BatchNormOperation,
  Conv2dOperation,
  LinearOperation,
} from "../../../protocol/model/graph.ts";
import { activationName } from "../../../protocol/model/operations/pointwise.ts";

/** Peers' steps are written by hand for the operations of a ResNet, in their plain forms. */

/** Stride and padding that are the same along both axes. */
export function squareWindow({ stride, padding }: Conv2dOperation): {
  readonly stride: number;
  readonly padding: number;
} {
  return { stride: stride[0], padding: padding.top };
}

export function affineNames({ scale, shift }: BatchNormOperation): {
  readonly scale: string;
  readonly shift: string;
} {
  return { scale: scale!, shift: shift! };
}

export function biasName({ bias }: LinearOperation): string {
  return bias!;
}

/** Whether a step ends in a rectifier, the only activation that peers' steps were written for. */
export function isRelu(activation: Activation | undefined): boolean {
  if (activation === undefined) return false;
  return activation === "relu" || notCompared({ kind: activationName(activation) });
}

/** Of what no peer's step was written for. */
export function notCompared({ kind }: { readonly kind: string }): never {
  throw new Error(`no peer's step has the operation '${kind}'`);
}
