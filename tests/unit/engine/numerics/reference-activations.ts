import type { Activation, NamedActivation } from "../../../../protocol/model/graph.ts";

/** An activation by its definition, for what engines make of it to be compared with. */
export interface ReferenceActivation {
  value(x: number): number;
  /** By what goes in, not by what comes out. */
  derivative(x: number): number;
  /** Where the derivative jumps: rounding may decide its side. */
  readonly kinks: readonly number[];
}

/** Slopes between kinks; no gradient at a kink of 0. */
const relu: ReferenceActivation = {
  value: (x) => Math.max(0, x),
  derivative: (x) => (x > 0 ? 1 : 0),
  kinks: [0],
};

const relu6: ReferenceActivation = {
  value: (x) => Math.min(6, Math.max(0, x)),
  derivative: (x) => (x > 0 && x < 6 ? 1 : 0),
  kinks: [0, 6],
};

const sigmoid: ReferenceActivation = {
  value: logistic,
  derivative: (x) => logistic(x) * logistic(-x),
  kinks: [],
};

const tanh: ReferenceActivation = {
  value: Math.tanh,
  derivative: (x) => Math.cosh(x) ** -2,
  kinks: [],
};

const silu: ReferenceActivation = {
  value: (x) => x * logistic(x),
  derivative: (x) => logistic(x) + x * logistic(x) * logistic(-x),
  kinks: [],
};

const hardSigmoid: ReferenceActivation = {
  value: (x) => Math.min(1, Math.max(0, x / 6 + 0.5)),
  derivative: (x) => (Math.abs(x) < 3 ? 1 / 6 : 0),
  kinks: [-3, 3],
};

const hardSwish: ReferenceActivation = {
  value: (x) => x * hardSigmoid.value(x),
  derivative: (x) => hardSigmoid.value(x) + x * hardSigmoid.derivative(x),
  kinks: [-3, 3],
};

const gelu: ReferenceActivation = {
  value: (x) => x * normal(x),
  derivative: (x) => normal(x) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI),
  kinks: [],
};

const geluTanh: ReferenceActivation = {
  value: (x) => 0.5 * x * (1 + Math.tanh(bent(x))),
  derivative: (x) => {
    const slope = Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
    return 0.5 * (1 + Math.tanh(bent(x))) + 0.5 * x * Math.cosh(bent(x)) ** -2 * slope;
  },
  kinks: [],
};

const REFERENCE_ACTIVATIONS: Readonly<Record<NamedActivation, ReferenceActivation>> = {
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

export function referenceOf(activation: Activation): ReferenceActivation {
  if (typeof activation === "string") return REFERENCE_ACTIVATIONS[activation];
  switch (activation.kind) {
    case "leaky-relu": {
      const { slope } = activation;
      return {
        value: (x) => (x > 0 ? x : slope * x),
        derivative: (x) => (x > 0 ? 1 : slope),
        kinks: [0],
      };
    }
    case "elu": {
      const { alpha } = activation;
      return {
        value: (x) => (x > 0 ? x : alpha * Math.expm1(x)),
        derivative: (x) => (x > 0 ? 1 : alpha * Math.exp(x)),
        kinks: alpha === 1 ? [] : [0],
      };
    }
    default:
      return activation satisfies never;
  }
}

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function bent(x: number): number {
  return Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
}

/** Φ: by its series about 0, and by the continued fraction of its tail (Abramowitz and Stegun 26.2). */
function normal(x: number): number {
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  if (Math.abs(x) > 5) {
    const t = Math.abs(x);
    let fraction = t;
    for (let k = 40; k > 0; k--) fraction = t + k / fraction;
    const tail = density / fraction;
    return x > 0 ? 1 - tail : tail;
  }
  let term = x;
  let sum = x;
  for (let k = 1; k < 120; k++) {
    term *= (x * x) / (2 * k + 1);
    sum += term;
  }
  return 0.5 + density * sum;
}
