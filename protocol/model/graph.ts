/**
 * A model as data: a list of operations over named values, with named parameters.
 *
 * The coordinator reads only the parameter list (what there is to re-initialise, send and
 * aggregate); the participant's engine executes the operations. An architecture is a function
 * that returns a `Graph`; a file format is a reader that yields named tensors; a naming says what
 * one calls the other's tensors. None knows another, so a new architecture touches no engine and a new
 * format touches no architecture.
 *
 * Values flow channels-last (`[N, H, W, C]` or `[N, C]`); parameters keep the layout of the file
 * they came in (PyTorch's: convolutions `[out, in/groups, kh, kw]`, linear `[out, in]`).
 */

/** Identifies a value (an activation) inside one graph. */
export type ValueId = string;

/** What a parameter is for: decides trainability, re-initialisation and its fresh distribution. */
export type ParameterRole =
  | "conv-weight"
  | "linear-weight"
  | "linear-bias"
  | "norm-scale"
  | "norm-shift"
  | "running-mean"
  | "running-variance";

/** One named tensor of the model, in the layout and under the name of the source file. */
export interface Parameter {
  readonly name: string;
  readonly role: ParameterRole;
  readonly shape: readonly number[];
}

/** 2-D convolution, square stride and padding as in PyTorch's `Conv2d`, no bias. */
export interface Conv2dOperation {
  readonly kind: "conv2d";
  readonly input: ValueId;
  readonly output: ValueId;
  /** Parameter `[out, in/groups, kh, kw]`. */
  readonly weight: string;
  readonly stride: number;
  readonly padding: number;
  /**
   * Runs of channels that are convolved apart, `in/groups` to `out/groups` each: 1 for an ordinary
   * convolution, `in` for a depthwise one.
   */
  readonly groups: number;
}

/** Batch normalisation over `[N, H, W]`, running statistics as PyTorch defines them. */
export interface BatchNormOperation {
  readonly kind: "batch-norm";
  readonly input: ValueId;
  readonly output: ValueId;
  readonly scale: string;
  readonly shift: string;
  readonly runningMean: string;
  readonly runningVariance: string;
  readonly epsilon: number;
  /** Share of the new batch in the running statistics: r ← (1 − momentum)·r + momentum·batch. */
  readonly momentum: number;
}

/** Functions of one value that an engine knows (`client/engine/program/activations.ts`). */
export type Activation = "relu";

/** A function of each value by itself. */
export interface ActivationOperation {
  readonly kind: "activation";
  readonly activation: Activation;
  readonly input: ValueId;
  readonly output: ValueId;
}

/** Element-wise sum of two values of one shape (a residual connection). */
export interface AddOperation {
  readonly kind: "add";
  readonly inputs: readonly [ValueId, ValueId];
  readonly output: ValueId;
}

/** Mean over H and W: `[N, H, W, C]` → `[N, C]`. */
export interface GlobalAveragePoolOperation {
  readonly kind: "global-average-pool";
  readonly input: ValueId;
  readonly output: ValueId;
}

/** `y = x·Wᵀ + b` with W `[out, in]`. */
export interface LinearOperation {
  readonly kind: "linear";
  readonly input: ValueId;
  readonly output: ValueId;
  readonly weight: string;
  readonly bias: string;
}

export type Operation =
  | Conv2dOperation
  | BatchNormOperation
  | ActivationOperation
  | AddOperation
  | GlobalAveragePoolOperation
  | LinearOperation;

/** Height, width and channels of an image, as the network sees it. */
export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** How many classes a model may have: to be misled between, and for scores to count (SPEC J2). */
export const CLASSES = { least: 2, most: 10_000 } as const;

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

/** Whether the optimiser updates the parameter (running statistics are averaged instead). */
export function isTrainable(role: ParameterRole): boolean {
  return role !== "running-mean" && role !== "running-variance";
}

/** Values an operation reads. */
export function operationInputs(operation: Operation): readonly ValueId[] {
  return "inputs" in operation ? operation.inputs : [operation.input];
}

/** Number of values in a tensor of this shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}
