import type { Tensor } from "../operations/judged-values.ts";
import type { LaneCode } from "../lanes/lane-code.ts";
import type { ActivationRules } from "./activation-rules.ts";

/** Sigmoid and SiLU of straight lines and parabolas (Howard et al. 2019, MobileNetV3). */

/** Declares `hard_sigmoid`. */
const HARD_SIGMOID_FUNCTION = `
fn hard_sigmoid(x: vec4f) -> vec4f { return clamp(x + 3.0, vec4f(), vec4f(6.0)) / 6.0; }`;

function hardSigmoidLanes(code: LaneCode): void {
  code.splat(3).addFloats().splat(0).maxFloats().splat(6).minFloats();
  code.splat(6).divideFloats();
}

/** min(max(x + 3, 0), 6)/6. */
export const hardSigmoid: ActivationRules = {
  derivativeFrom: "value",
  value: (x) => Math.min(Math.max(x + 3, 0), 6) / 6,
  wgsl: {
    functions: [
      HARD_SIGMOID_FUNCTION,
      `
fn hard_sigmoid_gradient(g: vec4f, y: vec4f) -> vec4f {
  return select(vec4f(), g / 6.0, (y > vec4f()) & (y < vec4f(1.0)));
}`,
    ],
    value: (x) => `hard_sigmoid(${x})`,
    gradient: (g, y) => `hard_sigmoid_gradient(${g}, ${y})`,
  },
  wasm: {
    value: hardSigmoidLanes,
    gradient: (code, g, y) => {
      y();
      code.keep((value) => {
        value();
        code.splat(0).greaterFloats().splat(1);
        value();
        code.greaterFloats().andBits();
        g();
        code.splat(6).divideFloats().andBits();
      });
    },
  },
  judged: (tf, x) => tf.div<Tensor>(tf.relu6(tf.add(x, 3)), 6),
};

/** x·min(max(x + 3, 0), 6)/6, whose derivative between −3 and 3 is (2·x + 3)/6. */
export const hardSwish: ActivationRules = {
  derivativeFrom: "input",
  value: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
  wgsl: {
    functions: [
      HARD_SIGMOID_FUNCTION,
      `
fn hard_swish(x: vec4f) -> vec4f { return x * hard_sigmoid(x); }
fn hard_swish_gradient(g: vec4f, x: vec4f) -> vec4f {
  let between = select(g * fma(x, vec4f(1.0 / 3.0), vec4f(0.5)), g, x >= vec4f(3.0));
  return select(vec4f(), between, x > vec4f(-3.0));
}`,
    ],
    value: (x) => `hard_swish(${x})`,
    gradient: (g, x) => `hard_swish_gradient(${g}, ${x})`,
  },
  wasm: {
    value: (code) => {
      code.keep((x) => {
        x();
        x();
        hardSigmoidLanes(code);
        code.multiplyFloats();
      });
    },
    gradient: (code, g, from) => {
      from();
      code.keep((x) => {
        g();
        code.multiplyAddTo(
          x,
          () => code.splat(1 / 3),
          () => code.splat(0.5),
        );
        g();
        code.multiplyFloats();
        x();
        code.splat(3).greaterFloats().selectBits();
        x();
        code.splat(-3).greaterFloats().andBits();
      });
    },
  },
  judged: (tf, x) => tf.div<Tensor>(tf.mul(x, tf.relu6(tf.add(x, 3))), 6),
};
