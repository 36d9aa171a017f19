import type { Tensor } from "../operations/judged-values.ts";
import { exp } from "../lanes/exp.ts";
import type { ActivationRules } from "./activation-rules.ts";

/** x above 0 and α·(eˣ − 1) below (Clevert et al. 2016), whose derivative there is y + α. */
export function elu(alpha: number): ActivationRules {
  const factor = String(Math.fround(alpha));
  return {
    derivativeFrom: "value",
    value: (x) => (x > 0 ? x : alpha * Math.expm1(x)),
    wgsl: {
      functions: [
        `
fn elu(x: vec4f, alpha: f32) -> vec4f {
  return select(alpha * (exp(min(x, vec4f())) - 1.0), x, x > vec4f());
}
fn elu_gradient(g: vec4f, y: vec4f, alpha: f32) -> vec4f {
  return g * select(y + alpha, vec4f(1.0), y > vec4f());
}`,
      ],
      value: (x) => `elu(${x}, ${factor})`,
      gradient: (g, y) => `elu_gradient(${g}, ${y}, ${factor})`,
    },
    wasm: {
      value: (code) => {
        code.keep((x) => {
          x();
          x();
          code.splat(0).minFloats();
          exp(code);
          code.splat(-1).addFloats().splat(alpha).multiplyFloats();
          x();
          code.splat(0).greaterFloats().selectBits();
        });
      },
      gradient: (code, g, from) => {
        from();
        code.keep((y) => {
          code.splat(1);
          y();
          code.splat(alpha).addFloats();
          y();
          code.splat(0).greaterFloats().selectBits();
          g();
          code.multiplyFloats();
        });
      },
    },
    judged: (tf, x) => {
      const below = tf.mul(tf.expm1(tf.minimum(x, 0)), alpha);
      return tf.where<Tensor>(tf.greater(x, 0), x, below);
    },
  };
}
