import type { Activation } from "../../../protocol/model/graph.ts";
import type { Tensor, Tfjs } from "./operations/judged-values.ts";

/**
 * What an activation does, for all machines that run it. Its derivative is told from its value: a
 * program stores what an activation gives, or makes it again from what is stored, and never keeps
 * what it was given.
 */
export interface ActivationRules {
  /** f(x) of one value, on the host. */
  value(x: number): number;
  readonly wgsl: {
    /** An expression: f of a `vec4f` x. */
    value(x: string): string;
    /** An expression: the gradient by x, of a gradient `g` by y = f(x). */
    gradient(g: string, y: string): string;
  };
  readonly wasm: {
    /** Makes f of what lies on the stack. */
    value(code: LaneCode): void;
    /** Puts the gradient by x on the stack, of a gradient by y = f(x); both are put there when called. */
    gradient(code: LaneCode, g: () => void, y: () => void): void;
  };
  /** By TensorFlow.js, for a second opinion. */
  judged(tf: Tfjs, x: Tensor): Tensor;
}

/** Code of a stack machine on four lanes of float32 (`FunctionWriter` writes it). */
export interface LaneCode {
  /** A constant in every lane. */
  splat(value: number): this;
  /** Of two, the larger; the first where either is not a number. */
  maxFloats(): this;
  /** All bits of the lanes where the first of two is greater, none of the others. */
  greaterFloats(): this;
  andBits(): this;
}

/** max(x, 0), whose derivative at 0 is 0. */
const relu: ActivationRules = {
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

export const ACTIVATIONS: Readonly<Record<Activation, ActivationRules>> = { relu };
