import type { Activation, NamedActivation } from "../../../protocol/model/graph.ts";
import type { ActivationRules } from "./activations/activation-rules.ts";
import { elu } from "./activations/elu.ts";
import { gelu, geluTanh } from "./activations/gelu.ts";
import { hardSigmoid, hardSwish } from "./activations/hard-sigmoids.ts";
import { leakyRelu, relu, relu6 } from "./activations/rectifiers.ts";
import { sigmoid, silu, tanh } from "./activations/sigmoids.ts";

/** Every activation that is a word, once; those with a number of their own are in `rulesOf`. */
export const ACTIVATIONS: Readonly<Record<NamedActivation, ActivationRules>> = {
  relu,
  relu6,
  sigmoid,
  tanh,
  silu,
  "hard-sigmoid": hardSigmoid,
  "hard-swish": hardSwish,
  gelu,
  "gelu-tanh": geluTanh,
};

/** What an activation does. */
export function rulesOf(activation: Activation): ActivationRules {
  if (typeof activation === "string") return ACTIVATIONS[activation];
  switch (activation.kind) {
    case "leaky-relu":
      return leakyRelu(activation.slope);
    case "elu":
      return elu(activation.alpha);
    default:
      return activation satisfies never;
  }
}
