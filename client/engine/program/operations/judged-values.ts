import type * as tfjs from "@tensorflow/tfjs-core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import type { Sides, ValueId } from "../../../../protocol/model/values.ts";

export type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";

/** TensorFlow.js, handed in by whoever has loaded it: pages that ask for no judge load none of it. */
export type Tfjs = typeof tfjs;

/** What an operation's forward pass by TensorFlow.js is written against. */
export interface JudgedValues {
  readonly tf: Tfjs;
  /** `[N, H, W, C]` or `[N, C]`. */
  value<T extends Tensor>(id: ValueId): T;
  /** In the layout of the file. */
  parameter<T extends Tensor>(name: string): T;
}

/** (x − μ)/√(σ² + ε), moments over some axes. */
export function standardisedBy(tf: Tfjs, x: Tensor, axes: number[], epsilon: number): Tensor {
  const { mean, variance } = tf.moments(x, axes, true);
  return tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, epsilon)));
}

/** A map with one value around it. */
export function paddedBy(
  tf: Tfjs,
  x: Tensor4D,
  { top, bottom, left, right }: Sides,
  value: number,
): Tensor4D {
  const around: [number, number][] = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
  return tf.pad(x, around, value);
}

/** A value as it is added to or multiplied with another: of one position with every one. */
export function besides(tf: Tfjs, x: Tensor, other: Tensor): Tensor {
  if (other.rank === x.rank) return other;
  const [images, channels] = [other.shape[0]!, other.shape.at(-1)!];
  return tf.reshape(other, [images, ...x.shape.slice(1, -1).map(() => 1), channels]);
}
