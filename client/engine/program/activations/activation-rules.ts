import type { LaneCode } from "../lanes/lane-code.ts";
import type { Tensor, Tfjs } from "../operations/judged-values.ts";

/** What an activation does, for all machines that run it. */
export interface ActivationRules {
  /**
   * What its derivative is told from: f(x), which a program has anyway, or makes again from what it
   * has; or x, which it then keeps. Below, `from` is that.
   */
  readonly derivativeFrom: "value" | "input";
  /** f(x) of one value, on the host. */
  value(x: number): number;
  readonly wgsl: {
    /** Declarations of functions that its expressions call; none when left out. */
    readonly functions?: readonly string[];
    /** An expression: f of a `vec4f` x. */
    value(x: string): string;
    /** An expression: the gradient by x, of a gradient `g` by f(x). */
    gradient(g: string, from: string): string;
  };
  readonly wasm: {
    /** Makes f of what lies on the stack. */
    value(code: LaneCode): void;
    /** Puts the gradient by x on the stack, of a gradient by f(x); both are put there when called. */
    gradient(code: LaneCode, g: () => void, from: () => void): void;
  };
  /** By TensorFlow.js, for a second opinion. */
  judged(tf: Tfjs, x: Tensor): Tensor;
}
