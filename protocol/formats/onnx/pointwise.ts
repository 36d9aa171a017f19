import type { Activation, NamedActivation } from "../../model/graph.ts";

/**
 * Exporters write a SiLU, a GELU or a hard swish as whatever their version of ONNX has: as one operation,
 * or as half a dozen in any order. What becomes of a value one by one is therefore followed as a function
 * of one number, and told by what that function gives.
 */

export type Pointwise = (x: number) => number;

/** Most operations that are followed as one function. */
export const MAX_STEPS = 32;

const ERF_P = 0.3275911;
const ERF_A = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592];

/** erf, to 1.5e-7 (Abramowitz & Stegun 1964, 7.1.26). */
export function erf(x: number): number {
  const t = 1 / (1 + ERF_P * Math.abs(x));
  const sum = ERF_A.reduce((total, a) => total * t + a, 0) * t;
  return Math.sign(x) * (1 - sum * Math.exp(-x * x));
}

function clamp(x: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, x));
}

/** Activations without a number of their own. */
export const NAMED: Readonly<Record<NamedActivation, Pointwise>> = {
  relu: (x) => Math.max(0, x),
  relu6: (x) => clamp(x, 0, 6),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  silu: (x) => x / (1 + Math.exp(-x)),
  "hard-sigmoid": (x) => clamp(x + 3, 0, 6) / 6,
  "hard-swish": (x) => (x * clamp(x + 3, 0, 6)) / 6,
  gelu: (x) => (x / 2) * (1 + erf(x / Math.SQRT2)),
  "gelu-tanh": (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

/** Where functions are compared: on both sides of every bend that they have, and between. */
const SAMPLES = [
  -40, -12, -8, -6.1, -5, -4, -3.1, -2.9, -2, -1.5, -1, -0.75, -0.5, -0.1, 0, 0.1, 0.25, 0.5, 0.9,
  1, 1.5, 2, 2.9, 3.1, 4, 5.9, 6.1, 8, 12, 40,
];

/** The constants of a file are float32, and erf above is not exact; the two GELUs are 1e-4 apart. */
const TOLERANCE = 5e-6;

function isAlike(one: Pointwise, other: Pointwise): boolean {
  return SAMPLES.every((x) => Math.abs(one(x) - other(x)) <= TOLERANCE * (1 + Math.abs(other(x))));
}

/** Which activation a function is; undefined where it is none that Scour has. */
export function activationOf(compute: Pointwise): Activation | "identity" | undefined {
  if (isAlike(compute, (x) => x)) return "identity";
  for (const [name, known] of Object.entries(NAMED) as [NamedActivation, Pointwise][]) {
    if (isAlike(compute, known)) return name;
  }
  const slope = -compute(-1);
  if (slope >= 0 && isAlike(compute, (x) => (x < 0 ? slope * x : x))) {
    return { kind: "leaky-relu", slope };
  }
  const alpha = -compute(-40);
  if (alpha >= 0 && isAlike(compute, (x) => (x < 0 ? alpha * Math.expm1(x) : x))) {
    return { kind: "elu", alpha };
  }
  return undefined;
}

/** The factor of a function that only multiplies; undefined where it does more. */
export function factorOf(compute: Pointwise): number | undefined {
  const factor = compute(1);
  return isAlike(compute, (x) => factor * x) ? factor : undefined;
}
