import type { Tensor } from "../operations/judged-values.ts";
import { exp } from "../lanes/exp.ts";
import type { LaneCode } from "../lanes/lane-code.ts";
import type { ActivationRules } from "./activation-rules.ts";
import { TANH_FUNCTION, tanhLanes } from "../lanes/tanh.ts";

/** Declares `sigmoid`. The exponent is bounded since WGSL leaves open what an overflow gives. */
export const SIGMOID_FUNCTION = `
fn sigmoid(x: vec4f) -> vec4f { return 1.0 / (1.0 + exp(min(-x, vec4f(87.0)))); }`;

/** 1/(1 + e^−x) of what lies on the stack. */
export function sigmoidLanes(code: LaneCode): void {
  code.keep((x) => {
    code.splat(1).splat(1).splat(0);
    x();
    code.subtractFloats();
    exp(code);
    code.addFloats().divideFloats();
  });
}

/** 1/(1 + e^−x), whose derivative is y·(1 − y). */
export const sigmoid: ActivationRules = {
  derivativeFrom: "value",
  value: (x) => 1 / (1 + Math.exp(-x)),
  wgsl: {
    functions: [
      SIGMOID_FUNCTION,
      `
fn sigmoid_gradient(g: vec4f, y: vec4f) -> vec4f { return g * y * (1.0 - y); }`,
    ],
    value: (x) => `sigmoid(${x})`,
    gradient: (g, y) => `sigmoid_gradient(${g}, ${y})`,
  },
  wasm: {
    value: sigmoidLanes,
    gradient: (code, g, y) => {
      y();
      code.keep((value) => {
        g();
        value();
        code.multiplyFloats().splat(1);
        value();
        code.subtractFloats().multiplyFloats();
      });
    },
  },
  judged: (tf, x) => tf.sigmoid(x),
};

/** tanh x, whose derivative is 1 − y². */
export const tanh: ActivationRules = {
  derivativeFrom: "value",
  value: (x) => Math.tanh(x),
  wgsl: {
    functions: [
      TANH_FUNCTION,
      `
fn tanh_gradient(g: vec4f, y: vec4f) -> vec4f { return g * (1.0 - y) * (1.0 + y); }`,
    ],
    value: (x) => `bounded_tanh(${x})`,
    gradient: (g, y) => `tanh_gradient(${g}, ${y})`,
  },
  wasm: {
    value: tanhLanes,
    gradient: (code, g, y) => {
      y();
      code.keep((value) => {
        g();
        code.splat(1);
        value();
        code.subtractFloats().multiplyFloats().splat(1);
        value();
        code.addFloats().multiplyFloats();
      });
    },
  },
  judged: (tf, x) => tf.tanh(x),
};

/** x·σ(x) (Ramachandran et al. 2017), whose derivative is σ·(1 + x·(1 − σ)). */
export const silu: ActivationRules = {
  derivativeFrom: "input",
  value: (x) => x / (1 + Math.exp(-x)),
  wgsl: {
    functions: [
      SIGMOID_FUNCTION,
      `
fn silu(x: vec4f) -> vec4f { return x * sigmoid(x); }
fn silu_gradient(g: vec4f, x: vec4f) -> vec4f {
  let s = sigmoid(x);
  return g * s * fma(x, 1.0 - s, vec4f(1.0));
}`,
    ],
    value: (x) => `silu(${x})`,
    gradient: (g, x) => `silu_gradient(${g}, ${x})`,
  },
  wasm: {
    value: (code) => {
      code.keep((x) => {
        x();
        x();
        sigmoidLanes(code);
        code.multiplyFloats();
      });
    },
    gradient: (code, g, from) => {
      from();
      code.keep((x) => {
        x();
        sigmoidLanes(code);
        code.keep((s) => {
          const rest = (): void => {
            code.splat(1);
            s();
            code.subtractFloats();
          };
          code.multiplyAddTo(x, rest, () => code.splat(1));
          s();
          code.multiplyFloats();
          g();
          code.multiplyFloats();
        });
      });
    },
  },
  judged: (tf, x) => tf.mul<Tensor>(x, tf.sigmoid(x)),
};
