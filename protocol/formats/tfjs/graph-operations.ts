import type { Activation } from "../../model/graph.ts";
import { sizeOf } from "../../model/values.ts";
import {
  along,
  flag,
  integers,
  number,
  paddingOf,
  requireChannelsLast,
  texts,
  type GraphNode,
} from "./graph-nodes.ts";
import type { NetworkBuilder } from "./network-builder.ts";
import { unsupported } from "./unsupported.ts";
import type { Value } from "./value.ts";

/** What a node gives. */
export type Drawn =
  | { readonly kind: "value"; readonly value: Value }
  | {
      readonly kind: "constant";
      /** Its name among the weights, where it is one. */
      readonly weight?: string;
      readonly shape: readonly number[];
      /** What it holds, where that is little. */
      readonly numbers?: readonly number[];
    }
  /** A shape, or a part of one: of which only the number of pictures is open. */
  | { readonly kind: "extent" }
  /** x + 3, and what is between 0 and 6 of it (times another): most of a hard sigmoid or hard swish. */
  | { readonly kind: "plus-three"; readonly of: Value }
  | { readonly kind: "up-to-six"; readonly of: Value; readonly times?: Value };

interface Input {
  readonly drawn: Drawn;
  /** Whether nothing else reads it. */
  readonly isReadOnce: boolean;
}

interface Step extends GraphNode {
  readonly net: NetworkBuilder;
  readonly read: readonly Input[];
}

type Draw = (step: Step) => Drawn;

const gives = (value: Value): Drawn => ({ kind: "value", value });

function named({ name, op }: GraphNode): string {
  return `'${name}' (${op})`;
}

function valueAt(step: Step, place: number): Value {
  const drawn = step.read[place]?.drawn;
  if (drawn?.kind === "value") return drawn.value;
  throw unsupported(`${named(step)} reads no value of the network as its input ${place}`);
}

function weightAt(step: Step, place: number): string {
  const drawn = step.read[place]?.drawn;
  if (drawn?.kind === "constant" && drawn.weight !== undefined) return drawn.weight;
  throw unsupported(`${named(step)} reads no weight as its input ${place}`);
}

function numbersAt(step: Step, place: number): readonly number[] {
  const drawn = step.read[place]?.drawn;
  if (drawn?.kind === "constant" && drawn.numbers !== undefined) return drawn.numbers;
  throw unsupported(`${named(step)} reads no short constant as its input ${place}`);
}

const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  Relu: "relu",
  Relu6: "relu6",
  Sigmoid: "sigmoid",
  Tanh: "tanh",
  Elu: { kind: "elu", alpha: 1 },
};

function activationOf(step: GraphNode, op: string): Activation {
  if (op === "LeakyRelu") {
    const key = step.op === "LeakyRelu" ? "alpha" : "leakyrelu_alpha";
    return { kind: "leaky-relu", slope: number(step, key, 0.2) };
  }
  const known = Object.hasOwn(ACTIVATIONS, op) ? ACTIVATIONS[op] : undefined;
  if (known === undefined)
    throw unsupported(`${named(step)} does ${op} behind it, which is not read`);
  return known;
}

const activation: Draw = (step) => {
  const { name, net, op, read } = step;
  const before = read[0]?.drawn;
  if (op === "Relu6" && before?.kind === "plus-three") return { kind: "up-to-six", of: before.of };
  return gives(net.activation(valueAt(step, 0), name, activationOf(step, op)));
};

/** What fused operations do behind the main one: a bias, and a function. */
function fused(step: Step): { bias?: string; after?: Activation } {
  const [first, second, third] = texts(step, "fused_ops");
  if (first === undefined) return {};
  const hasBias = first === "BiasAdd";
  const behind = hasBias ? second : first;
  if (third !== undefined)
    throw unsupported(`${named(step)} does ${third} behind it, which is not read`);
  return {
    ...(hasBias && { bias: weightAt(step, 2) }),
    ...(behind !== undefined && { after: activationOf(step, behind) }),
  };
}

function finished({ name, net }: Step, value: Value, after: Activation | undefined): Drawn {
  return gives(after === undefined ? value : net.activation(value, `${name}/activation`, after));
}

const convolution =
  (kind: "ordinary" | "depthwise"): Draw =>
  (step) => {
    const { name, net } = step;
    requireChannelsLast(step);
    const { after, bias } = fused(step);
    const value = net.convolution(valueAt(step, 0), name, kind, {
      kernel: weightAt(step, 1),
      bias,
      stride: along(step, "strides"),
      dilation: along(step, "dilations"),
      padding: paddingOf(step),
    });
    return finished(step, value, after);
  };

const matMul: Draw = (step) => {
  const { name, net } = step;
  if (flag(step, "transpose_a")) throw unsupported(`${named(step)} turns its input`);
  const { after, bias } = fused(step);
  const isTurned = flag(step, "transpose_b");
  const value = net.dense(valueAt(step, 0), name, weightAt(step, 1), bias, isTurned);
  return finished(step, value, after);
};

const batchNorm: Draw = (step) => {
  const { name, net } = step;
  requireChannelsLast(step);
  const [scale, shift, mean, variance] = [1, 2, 3, 4].map((place) => weightAt(step, place));
  const weights = { scale, shift, mean: mean!, variance: variance! };
  // A graph that was made to answer does not say how fast its statistics advance: as Keras has it.
  const norm = { epsilon: number(step, "epsilon", 1e-4), momentum: 0.01 };
  return gives(net.batchNorm(valueAt(step, 0), name, weights, norm));
};

function windowOf(step: Step) {
  requireChannelsLast(step);
  return {
    kernel: along(step, "ksize"),
    stride: along(step, "strides"),
    padding: paddingOf(step),
  };
}

const mean: Draw = (step) => {
  const { name, net } = step;
  const input = valueAt(step, 0);
  const rank = net.shape(input).length + 1;
  const axes = numbersAt(step, 1).map((axis) => (axis < 0 ? axis + rank : axis));
  if ([...axes].sort().join() !== "1,2") {
    throw unsupported(
      `${named(step)} is over the axes ${axes.join(", ")}, and not over all positions`,
    );
  }
  return gives(net.mean(input, name, flag(step, "keep_dims")));
};

const pad: Draw = (step) => {
  const { name, net } = step;
  const sides = numbersAt(step, 1);
  const isOther = step.op === "PadV2" && numbersAt(step, 2)[0] !== 0;
  if (sides.length !== 8 || [0, 1, 6, 7].some((place) => sides[place] !== 0) || isOther) {
    throw unsupported(`${named(step)} pads with [${sides.join(", ")}]: zeros around maps are read`);
  }
  const [, , top, bottom, left, right] = sides as number[];
  return gives(
    net.pad(valueAt(step, 0), name, { top: top!, bottom: bottom!, left: left!, right: right! }),
  );
};

const reshape: Draw = (step) => {
  const [, ...shape] = numbersAt(step, 1);
  return gives(step.net.reshape(valueAt(step, 0), step.name, shape));
};

const squeeze: Draw = (step) => {
  const input = valueAt(step, 0);
  const axes = integers(step, "squeeze_dims") ?? [];
  const shape = step.net.shape(input).filter((extent, axis) => {
    const isGone = axes.includes(axis + 1) || axes.includes(axis - step.net.shape(input).length);
    return !(extent === 1 && isGone);
  });
  return gives(step.net.reshape(input, step.name, shape));
};

const concat: Draw = (step) => {
  const values = step.read.slice(0, -1).map((_, place) => valueAt(step, place));
  const [axis] = numbersAt(step, step.read.length - 1);
  const rank = values[0] === undefined ? 0 : step.net.shape(values[0]).length;
  if (axis !== -1 && axis !== rank) {
    throw unsupported(`${named(step)} joins along the axis ${axis}, and not the channels`);
  }
  return gives(step.net.concat(values, step.name));
};

/** A list of extents: open ones are those of shapes, of which the number of pictures alone is asked for. */
const pack: Draw = (step) => {
  const numbers = step.read.map(({ drawn }, place) =>
    drawn.kind === "extent" ? -1 : numbersAt(step, place)[0]!,
  );
  return { kind: "constant", shape: [numbers.length], numbers };
};

const biasAdd: Draw = (step) => {
  const { net, read } = step;
  const isAlone = read[0]?.isReadOnce === true;
  return gives(net.withBias(valueAt(step, 0), weightAt(step, 1), isAlone));
};

/** A hard sigmoid's slope, or 6 to divide by. */
const isSixth = (numbers: readonly number[]): boolean =>
  numbers.length === 1 && Math.abs(numbers[0]! - 1 / 6) < 1e-6;

/** A value and a constant, in either order. */
function withConstant({ read }: Step) {
  const [one, other] = read.map(({ drawn }) => drawn);
  if (other?.kind === "constant") return { constant: other, input: 0, isFirst: true };
  if (one?.kind === "constant") return { constant: one, input: 1, isFirst: false };
  return undefined;
}

function scaled(step: Step, input: number, factor: readonly number[], offset: readonly number[]) {
  return gives(step.net.scale(valueAt(step, input), step.name, factor, offset));
}

const add: Draw = (step) => {
  const pair = withConstant(step);
  if (pair === undefined)
    return gives(step.net.add([valueAt(step, 0), valueAt(step, 1)], step.name));
  const { constant, input } = pair;
  const value = valueAt(step, input);
  if (constant.numbers !== undefined && value.scaling !== undefined) {
    return scaled(step, input, [1], constant.numbers);
  }
  if (constant.numbers?.length === 1 && constant.numbers[0] === 3) {
    return { kind: "plus-three", of: value };
  }
  const isBias =
    constant.weight !== undefined && sizeOf(constant.shape) === step.net.channels(value);
  if (!isBias) throw unsupported(`${named(step)} adds a constant that is no bias`);
  const isAlone = step.read[input]!.isReadOnce;
  return gives(step.net.withBias(value, constant.weight!, isAlone));
};

const subtract: Draw = (step) => {
  const pair = withConstant(step);
  if (pair?.isFirst !== true) throw unsupported(`${named(step)} subtracts what is no constant`);
  return scaled(
    step,
    0,
    [1],
    numbersAt(step, 1).map((value) => -value),
  );
};

const divide: Draw = (step) => {
  const numbers = numbersAt(step, 1);
  const before = step.read[0]?.drawn;
  if (before?.kind === "up-to-six" && numbers[0] === 6) return sixthOf(step, before);
  return scaled(
    step,
    0,
    numbers.map((value) => 1 / value),
    [0],
  );
};

const multiply: Draw = (step) => {
  const [one, other] = step.read.map(({ drawn }) => drawn);
  const pair = withConstant(step);
  if (pair !== undefined) {
    const before = step.read[pair.input]!.drawn;
    const { numbers = [] } = pair.constant;
    if (before.kind === "up-to-six" && isSixth(numbers)) return sixthOf(step, before);
    return scaled(step, pair.input, numbers, [0]);
  }
  if (one?.kind === "up-to-six" && one.times === undefined && other?.kind === "value") {
    return { ...one, times: other.value };
  }
  if (other?.kind === "up-to-six" && other.times === undefined && one?.kind === "value") {
    return { ...other, times: one.value };
  }
  return gives(step.net.multiply(valueAt(step, 0), valueAt(step, 1), step.name));
};

function sixthOf({ name, net }: Step, { of, times }: Drawn & { kind: "up-to-six" }): Drawn {
  if (times === undefined) return gives(net.activation(of, name, "hard-sigmoid"));
  if (times.id === of.id) return gives(net.activation(of, name, "hard-swish"));
  const gate = net.activation(of, `${name}/hard-sigmoid`, "hard-sigmoid");
  return gives(net.multiply(times, gate, name));
}

const same: Draw = ({ read }) => read[0]!.drawn;

/** How each operation of TensorFlow is drawn. */
const OPERATIONS: Readonly<Record<string, Draw>> = {
  Add: add,
  AddV2: add,
  AvgPool: (step) => gives(step.net.averagePool(valueAt(step, 0), step.name, windowOf(step))),
  BiasAdd: biasAdd,
  ConcatV2: concat,
  Conv2D: convolution("ordinary"),
  DepthwiseConv2dNative: convolution("depthwise"),
  Elu: activation,
  FusedBatchNorm: batchNorm,
  FusedBatchNormV2: batchNorm,
  FusedBatchNormV3: batchNorm,
  FusedDepthwiseConv2dNative: convolution("depthwise"),
  Identity: same,
  LeakyRelu: activation,
  MatMul: matMul,
  MaxPool: (step) => gives(step.net.maxPool(valueAt(step, 0), step.name, windowOf(step))),
  Mean: mean,
  Mul: multiply,
  Pack: pack,
  Pad: pad,
  PadV2: pad,
  RealDiv: divide,
  Relu: activation,
  Relu6: activation,
  Reshape: reshape,
  Shape: () => ({ kind: "extent" }),
  Sigmoid: activation,
  Softmax: (step) => gives(step.net.softmax(valueAt(step, 0), step.name)),
  Squeeze: squeeze,
  StopGradient: same,
  StridedSlice: (step) => {
    if (step.read[0]?.drawn.kind === "extent") return { kind: "extent" };
    throw unsupported(`${named(step)} takes a part of a value, which is not read`);
  },
  Sub: subtract,
  Tanh: activation,
  _FusedConv2D: convolution("ordinary"),
  _FusedMatMul: matMul,
};

/**
 * Draws a node.
 *
 * @param read what its inputs are
 * @throws ProtocolError `unsupported-model`, naming the node and its operation.
 */
export function drawNode(node: GraphNode, read: readonly Input[], net: NetworkBuilder): Drawn {
  const draw = Object.hasOwn(OPERATIONS, node.op) ? OPERATIONS[node.op] : undefined;
  if (draw === undefined) {
    throw unsupported(
      `the node '${node.name}' is a ${node.op}, which is none of the operations that are read: ${Object.keys(OPERATIONS).join(", ")}`,
    );
  }
  if (read.length === 0) throw unsupported(`${named(node)} reads nothing`);
  return draw({ ...node, net, read });
}
