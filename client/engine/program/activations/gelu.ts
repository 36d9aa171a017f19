import type { Tensor } from "../operations/judged-values.ts";
import { exp } from "../lanes/exp.ts";
import type { LaneCode } from "../lanes/lane-code.ts";
import type { ActivationRules } from "./activation-rules.ts";
import { ERF_FUNCTION, erf, erfLanes } from "../lanes/erf.ts";
import { SIGMOID_FUNCTION, sigmoidLanes } from "./sigmoids.ts";

/** Gaussian error linear units (Hendrycks and Gimpel 2016). */

/** 1/√(2π): the density of the normal distribution at 0. */
const DENSITY = 1 / Math.sqrt(2 * Math.PI);

/** Φ of what lies on the stack. */
function normalLanes(code: LaneCode): void {
  code.splat(Math.SQRT1_2).multiplyFloats();
  erfLanes(code);
  code.splat(1).addFloats().splat(0.5).multiplyFloats();
}

/** x·Φ(x) = x·(1 + erf(x/√2))/2, whose derivative is Φ(x) + x·φ(x). */
export const gelu: ActivationRules = {
  derivativeFrom: "input",
  value: (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  wgsl: {
    functions: [
      ERF_FUNCTION,
      `
fn gelu(x: vec4f) -> vec4f { return 0.5 * x * (1.0 + erf(${Math.SQRT1_2} * x)); }
fn gelu_gradient(g: vec4f, x: vec4f) -> vec4f {
  let density = ${DENSITY} * exp(-0.5 * x * x);
  return g * fma(x, density, 0.5 * (1.0 + erf(${Math.SQRT1_2} * x)));
}`,
    ],
    value: (x) => `gelu(${x})`,
    gradient: (g, x) => `gelu_gradient(${g}, ${x})`,
  },
  wasm: {
    value: (code) => {
      code.keep((x) => {
        x();
        x();
        normalLanes(code);
        code.multiplyFloats();
      });
    },
    gradient: (code, g, from) => {
      from();
      code.keep((x) => {
        const density = (): void => {
          x();
          x();
          code.multiplyFloats().splat(-0.5).multiplyFloats();
          exp(code);
          code.splat(DENSITY).multiplyFloats();
        };
        code.multiplyAddTo(x, density, () => {
          x();
          normalLanes(code);
        });
        g();
        code.multiplyFloats();
      });
    },
  },
  judged: (tf, x) => {
    const distribution = tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1);
    return tf.mul<Tensor>(tf.mul(x, 0.5), distribution);
  },
};

/** 2·√(2/π)·(x + 0.044715·x³) = x·(LINEAR + CUBIC·x²). */
const LINEAR = 2 * Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715 * LINEAR;

/**
 * x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2, which is x·σ(v) with v twice what tanh is of. Its
 * derivative is σ + x·σ·(1 − σ)·v′.
 */
export const geluTanh: ActivationRules = {
  derivativeFrom: "input",
  value: (x) => x / (1 + Math.exp(-x * (LINEAR + CUBIC * x * x))),
  wgsl: {
    functions: [
      SIGMOID_FUNCTION,
      `
fn gelu_tanh(x: vec4f) -> vec4f { return x * sigmoid(x * (${LINEAR} + ${CUBIC} * x * x)); }
fn gelu_tanh_gradient(g: vec4f, x: vec4f) -> vec4f {
  let s = sigmoid(x * (${LINEAR} + ${CUBIC} * x * x));
  return g * s * (1.0 + x * (1.0 - s) * (${LINEAR} + ${3 * CUBIC} * x * x));
}`,
    ],
    value: (x) => `gelu_tanh(${x})`,
    gradient: (g, x) => `gelu_tanh_gradient(${g}, ${x})`,
  },
  wasm: {
    value: (code) => {
      code.keep((x) => {
        x();
        approximateLanes(code, x);
        code.multiplyFloats();
      });
    },
    gradient: (code, g, from) => {
      from();
      code.keep((x) => {
        approximateLanes(code, x);
        code.keep((s) => {
          x();
          code.splat(1);
          s();
          code.subtractFloats().multiplyFloats();
          parabola(code, x, 3 * CUBIC);
          code.multiplyFloats().splat(1).addFloats();
          s();
          code.multiplyFloats();
          g();
          code.multiplyFloats();
        });
      });
    },
  },
  judged: (tf, x) => {
    const inside = tf.mul(x, tf.add(tf.mul(tf.square(x), CUBIC), LINEAR));
    return tf.mul<Tensor>(x, tf.sigmoid(inside));
  },
};

/** Puts LINEAR + cubic·x² on the stack. */
function parabola(code: LaneCode, x: () => void, cubic: number): void {
  code.splat(LINEAR);
  x();
  x();
  code.multiplyFloats().splat(cubic).multiplyFloats().addFloats();
}

/** Puts σ(v) on the stack. */
function approximateLanes(code: LaneCode, x: () => void): void {
  x();
  parabola(code, x, CUBIC);
  code.multiplyFloats();
  sigmoidLanes(code);
}
