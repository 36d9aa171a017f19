import type * as tfjs from "@tensorflow/tfjs-core";
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { Activation, Operation, ValueId } from "../../protocol/model/graph.ts";

/** TensorFlow.js, handed in by whoever has loaded it: pages that ask for no judge load none of it. */
export type Tfjs = typeof tfjs;

/** What an operation's forward pass is written against. */
export interface JudgedValues {
  readonly tf: Tfjs;
  /** `[N, H, W, C]` or `[N, C]`. */
  value<T extends Tensor>(id: ValueId): T;
  /** In the layout of the file. */
  parameter<T extends Tensor>(name: string): T;
}

type Forward<Kind extends Operation["kind"]> = (
  values: JudgedValues,
  operation: Extract<Operation, { kind: Kind }>,
) => Tensor;

/**
 * Each operation by TensorFlow.js, as the graph says it: batch norm as batch norm, nothing folded into
 * anything, so that nothing is shared with the engine's way of evaluating a model.
 */
const FORWARD: { readonly [Kind in Operation["kind"]]: Forward<Kind> } = {
  conv2d: ({ tf, value, parameter }, { input, weight, stride, padding, groups }) => {
    // `[out, in/groups, kh, kw]` → `[kh, kw, in/groups, out]`
    const filter: Tensor4D = tf.transpose(parameter<Tensor4D>(weight), [2, 3, 1, 0]);
    const x = value<Tensor4D>(input);
    if (groups === 1) return tf.conv2d(x, filter, stride, padding);
    const filters = tf.split<Tensor4D>(filter, groups, 3);
    const apart = tf
      .split<Tensor4D>(x, groups, 3)
      .map((run, group) => tf.conv2d(run, filters[group]!, stride, padding));
    return tf.concat(apart, 3);
  },

  "batch-norm": ({ tf, value, parameter }, norm) =>
    tf.batchNorm(
      value<Tensor4D>(norm.input),
      parameter<Tensor1D>(norm.runningMean),
      parameter<Tensor1D>(norm.runningVariance),
      parameter<Tensor1D>(norm.shift),
      parameter<Tensor1D>(norm.scale),
      norm.epsilon,
    ),

  activation: ({ tf, value }, { activation, input }) => ACTIVATIONS[activation](tf, value(input)),

  add: ({ tf, value }, { inputs: [first, second] }) => tf.add(value(first), value(second)),

  "global-average-pool": ({ tf, value }, { input }) => tf.mean(value<Tensor4D>(input), [1, 2]),

  linear: ({ tf, value, parameter }, { input, weight, bias }) => {
    const product = tf.matMul(value<Tensor2D>(input), parameter<Tensor2D>(weight), false, true);
    return tf.add(product, parameter<Tensor1D>(bias));
  },
};

const ACTIVATIONS: Readonly<Record<Activation, (tf: Tfjs, x: Tensor) => Tensor>> = {
  relu: (tf, x) => tf.relu(x),
};

/** The value that an operation gives; belongs to the caller. */
export function forward<Kind extends Operation["kind"]>(
  values: JudgedValues,
  operation: Extract<Operation, { kind: Kind }>,
): Tensor {
  const rule: Forward<Kind> = FORWARD[operation.kind as Kind];
  return rule(values, operation);
}
