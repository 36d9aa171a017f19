import { sizeOf, type ValueId, type ValueShape } from "../values.ts";
import { channelsOf, isSame, type Fail, type OperationShape } from "./operation-shape.ts";

/** Functions of one value that an engine knows (`client/engine/program/activations.ts`). */
export type Activation = NamedActivation | LeakyRelu | Elu;

/** Those without a number of their own. `silu` is also called swish; `gelu` is by erf. */
export type NamedActivation =
  | "relu"
  | "relu6"
  | "sigmoid"
  | "tanh"
  | "silu"
  | "hard-sigmoid"
  | "hard-swish"
  | "gelu"
  | "gelu-tanh";

/** x above 0, slope·x below. */
interface LeakyRelu {
  readonly kind: "leaky-relu";
  /** At least 0. */
  readonly slope: number;
}

/** x above 0, α·(eˣ − 1) below. */
interface Elu {
  readonly kind: "elu";
  /** At least 0. */
  readonly alpha: number;
}

/** For people. */
export function activationName(activation: Activation): string {
  return typeof activation === "string" ? activation : activation.kind;
}

/** A function of each value by itself. */
export interface ActivationOperation {
  readonly kind: "activation";
  readonly activation: Activation;
  readonly input: ValueId;
  readonly output: ValueId;
}

/** Sum of two values of one shape (a residual connection), or of one with a value a channel. */
export interface AddOperation {
  readonly kind: "add";
  /** The second may be features `[C]`, or a map of one position. */
  readonly inputs: readonly [ValueId, ValueId];
  readonly output: ValueId;
}

/** Product of two values of one shape, or of one with a value a channel (squeeze and excitation). */
export interface MultiplyOperation {
  readonly kind: "multiply";
  /** The second may be features `[C]`, or a map of one position. */
  readonly inputs: readonly [ValueId, ValueId];
  readonly output: ValueId;
}

/** Every channel times a factor of its own (layer scale). */
export interface ScaleOperation {
  readonly kind: "scale";
  readonly input: ValueId;
  readonly output: ValueId;
  /** Parameter of one value a channel, whatever its dimensions. */
  readonly factor: string;
}

/** Softmax over the channels of every position. */
export interface SoftmaxOperation {
  readonly kind: "softmax";
  readonly input: ValueId;
  readonly output: ValueId;
}

export const activationShape: OperationShape<ActivationOperation> = {
  parameters: () => [],
  output({ activation }, [input], _parameters, fail) {
    const parameter = parameterOf(activation);
    if (!(parameter >= 0 && Number.isFinite(parameter))) {
      throw fail(`its ${activationName(activation)} has the number ${parameter}`);
    }
    return input!;
  },
};

function parameterOf(activation: Activation): number {
  if (typeof activation === "string") return 0;
  switch (activation.kind) {
    case "leaky-relu":
      return activation.slope;
    case "elu":
      return activation.alpha;
    default:
      return activation satisfies never;
  }
}

export const addShape: OperationShape<AddOperation> = {
  parameters: () => [],
  output: (_operation, [input, other], _parameters, fail) => joined("adds", input!, other!, fail),
};

export const multiplyShape: OperationShape<MultiplyOperation> = {
  parameters: () => [],
  output: (_operation, [input, other], _parameters, fail) =>
    joined("multiplies", input!, other!, fail),
};

export const scaleShape: OperationShape<ScaleOperation> = {
  parameters: ({ factor }) => [{ name: factor, role: "layer-scale", rank: undefined }],
  output({ factor }, [input], [shape], fail) {
    const channels = channelsOf(input!);
    if (sizeOf(shape!) !== channels || !shape!.includes(channels)) {
      throw fail(`'${factor}' is [${shape!.join(", ")}], its input has ${channels} channels`);
    }
    return input!;
  },
};

export const softmaxShape: OperationShape<SoftmaxOperation> = {
  parameters: () => [],
  output: (_operation, [input]) => input!,
};

/** Whether a value has one position: one value a channel. */
function isOnePosition(shape: ValueShape): boolean {
  return sizeOf(shape) === channelsOf(shape);
}

function joined(does: string, input: ValueShape, other: ValueShape, fail: Fail): ValueShape {
  const spread = isOnePosition(other) && channelsOf(other) === channelsOf(input);
  if (!spread && !isSame(input, other)) {
    throw fail(`${does} shapes [${input.join(", ")}] and [${other.join(", ")}]`);
  }
  return input;
}
