import type { Activation } from "../../../../protocol/model/graph.ts";
import type { ActivationRules } from "../../../../client/engine/program/activations/activation-rules.ts";
import type { ReferenceActivation } from "../numerics/reference-activations.ts";

/** A word that would stand in the union. */
export const FLOOR = "floor" as Activation;

/** max(x, ½): what is stored is positive everywhere, so its sign says nothing of the derivative. */
export const floor: ActivationRules = {
  derivativeFrom: "value",
  value: (x) => Math.max(x, 0.5),
  wgsl: {
    value: (x) => `max(${x}, vec4f(0.5))`,
    gradient: (g, y) => `select(vec4f(), ${g}, ${y} > vec4f(0.5))`,
  },
  wasm: {
    value: (code) => {
      code.splat(0.5).maxFloats();
    },
    gradient: (code, g, y) => {
      y();
      code.splat(0.5).greaterFloats();
      g();
      code.andBits();
    },
  },
  judged: (tf, x) => tf.maximum(x, 0.5),
};

export const referenceFloor: ReferenceActivation = {
  value: (x) => Math.max(x, 0.5),
  derivative: (x) => (x > 0.5 ? 1 : 0),
  kinks: [0.5],
};
