/**
 * A model as data: a list of operations over named values, with named parameters.
 *
 * The coordinator reads only the parameter list (what there is to re-initialise, send and
 * aggregate); the participant's engine executes the operations. An architecture is a function
 * that returns a `Graph`; a file format is a reader that yields named tensors; a naming says what
 * one calls the other's tensors. None knows another, so a new architecture touches no engine and a new
 * format touches no architecture.
 *
 * Values flow channels-last (`[N, H, W, C]`, `[N, T, C]` or `[N, C]`); parameters keep the layout of the file
 * they came in (PyTorch's: convolutions `[out, in/groups, kh, kw]`, linear `[out, in]`).
 */

import type {
  ConcatOperation,
  FlattenOperation,
  PadChannelsOperation,
  ShuffleChannelsOperation,
  SliceChannelsOperation,
} from "./operations/channels.ts";
import type { Conv2dOperation } from "./operations/conv2d.ts";
import type { LinearOperation } from "./operations/linear.ts";
import type {
  BatchNormOperation,
  GroupNormOperation,
  LayerNormOperation,
} from "./operations/norms.ts";
import type {
  ActivationOperation,
  AddOperation,
  MultiplyOperation,
  ScaleOperation,
  SoftmaxOperation,
} from "./operations/pointwise.ts";
import type {
  AdaptiveAveragePoolOperation,
  AveragePoolOperation,
  GlobalAveragePoolOperation,
  MaxPoolOperation,
} from "./operations/pooling.ts";
import type {
  AddEmbeddingOperation,
  AttentionOperation,
  PrependTokensOperation,
  SliceTokensOperation,
  TakeTokenOperation,
  ToTokensOperation,
} from "./operations/tokens.ts";
import type { Parameter, ParameterRole, ValueId } from "./values.ts";

export type { Conv2dOperation } from "./operations/conv2d.ts";
export type { LinearOperation } from "./operations/linear.ts";
export type * from "./operations/norms.ts";
export type * from "./operations/pooling.ts";
export type {
  Activation,
  ActivationOperation,
  AddOperation,
  NamedActivation,
} from "./operations/pointwise.ts";
export type { Parameter, ParameterRole, ValueId } from "./values.ts";
export { allSides, sizeOf } from "./values.ts";

export type Operation =
  | Conv2dOperation
  | LinearOperation
  | BatchNormOperation
  | LayerNormOperation
  | GroupNormOperation
  | ActivationOperation
  | AddOperation
  | MultiplyOperation
  | ScaleOperation
  | SoftmaxOperation
  | MaxPoolOperation
  | AveragePoolOperation
  | AdaptiveAveragePoolOperation
  | GlobalAveragePoolOperation
  | ConcatOperation
  | SliceChannelsOperation
  | PadChannelsOperation
  | ShuffleChannelsOperation
  | FlattenOperation
  | ToTokensOperation
  | PrependTokensOperation
  | AddEmbeddingOperation
  | SliceTokensOperation
  | TakeTokenOperation
  | AttentionOperation;

/** Height, width and channels of an image, as the network sees it. */
export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** How many classes a model may have: to be misled between, and for scores to count (SPEC J2). */
export const CLASSES = { least: 2, most: 10_000 } as const;

/** Sides of the square images that models take, pixels. */
export const SIZES = { least: 16, most: 256 } as const;

export interface Graph {
  /** Family name, for people and logs: `resnet18-32`. */
  readonly architecture: string;
  readonly input: ValueId;
  readonly inputShape: ImageShape;
  /** Value that holds the logits `[N, classes]`. */
  readonly output: ValueId;
  readonly classes: number;
  /** In execution order: every input is the graph's input or an earlier output. */
  readonly operations: readonly Operation[];
  readonly parameters: readonly Parameter[];
}

/**
 * A network for images of one side, pixels, where that is open.
 *
 * @throws ProtocolError `unsupported-model` where it takes no such images.
 */
export type GraphOfSize = (size: number) => Graph;

/** Whether the optimiser updates the parameter (running statistics are averaged instead). */
export function isTrainable(role: ParameterRole): boolean {
  return role !== "running-mean" && role !== "running-variance";
}

/** Values an operation reads. */
export function operationInputs(operation: Operation): readonly ValueId[] {
  return "inputs" in operation ? operation.inputs : [operation.input];
}
