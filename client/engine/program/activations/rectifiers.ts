import type { LaneCode } from "../lanes/lane-code.ts";
import type { ActivationRules } from "./activation-rules.ts";

/** Straight lines that bend; at 0 the derivative is that of the left. */

/** max(x, 0). */
export const relu: ActivationRules = {
  derivativeFrom: "value",
  value: (x) => (x < 0 ? 0 : x),
  wgsl: {
    value: (x) => `max(${x}, vec4f())`,
    gradient: (g, y) => `select(vec4f(), ${g}, ${y} > vec4f())`,
  },
  wasm: {
    value: (code) => {
      code.splat(0).maxFloats();
    },
    gradient: (code, g, y) => {
      y();
      code.splat(0).greaterFloats();
      g();
      code.andBits();
    },
  },
  judged: (tf, x) => tf.relu(x),
};

/** min(max(x, 0), 6). */
export const relu6: ActivationRules = {
  derivativeFrom: "value",
  value: (x) => Math.min(Math.max(x, 0), 6),
  wgsl: {
    functions: [
      `
fn relu6_gradient(g: vec4f, y: vec4f) -> vec4f {
  return select(vec4f(), g, (y > vec4f()) & (y < vec4f(6.0)));
}`,
    ],
    value: (x) => `clamp(${x}, vec4f(), vec4f(6.0))`,
    gradient: (g, y) => `relu6_gradient(${g}, ${y})`,
  },
  wasm: {
    value: (code) => {
      code.splat(0).maxFloats().splat(6).minFloats();
    },
    gradient: (code, g, y) => {
      y();
      code.keep((value) => {
        value();
        code.splat(0).greaterFloats().splat(6);
        value();
        code.greaterFloats().andBits();
        g();
        code.andBits();
      });
    },
  },
  judged: (tf, x) => tf.relu6(x),
};

/** x above 0 and slope·x below. A slope of at least 0 leaves the sign, which tells the derivative. */
export function leakyRelu(slope: number): ActivationRules {
  const factor = String(Math.fround(slope));
  return {
    derivativeFrom: "value",
    value: (x) => (x > 0 ? x : slope * x),
    wgsl: {
      functions: [
        `
fn leaky_relu(x: vec4f, slope: f32) -> vec4f { return select(slope * x, x, x > vec4f()); }`,
      ],
      value: (x) => `leaky_relu(${x}, ${factor})`,
      gradient: (g, y) => `select(${factor} * ${g}, ${g}, ${y} > vec4f())`,
    },
    wasm: {
      value: (code) => {
        code.keep((x) => bend(code, x, x));
      },
      gradient: (code, g, y) => bend(code, g, y),
    },
    judged: (tf, x) => tf.leakyRelu(x, slope),
  };

  /** v where `side` is above 0, else slope·v. */
  function bend(code: LaneCode, v: () => void, side: () => void): void {
    v();
    v();
    code.splat(slope).multiplyFloats();
    side();
    code.splat(0).greaterFloats().selectBits();
  }
}
