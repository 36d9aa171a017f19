import {
  operationInputs,
  type Activation,
  type Graph,
  type ImageShape,
  type Operation,
  type ValueId,
} from "../../model/graph.ts";
import { shapeOf } from "../../model/operation-shapes.ts";
import { sizeOf, type Sides, type ValueShape } from "../../model/values.ts";
import { asStored, convolutionAxes, denseAxes, depthwiseAxes, type Axes } from "./axes.ts";
import { unsupported } from "./unsupported.ts";
import { WeightUse } from "./weight-use.ts";
import { InputScaling } from "./input-scaling.ts";
import type { StoredWeight } from "./manifest.ts";
import {
  dilated,
  NONE,
  addSides,
  requirePicture,
  reshaped,
  sidesOf,
  type Convolution,
  type Value,
  type Window,
} from "./value.ts";

const POSITIVE: ReadonlySet<Activation> = new Set(["relu", "relu6", "sigmoid", "hard-sigmoid"]);

/** Most operations of a network. */
const MOST_OPERATIONS = 20_000;

/**
 * Draws a network as TensorFlow describes it: channels last, paddings `same` and `valid`, zeros around a
 * value as a step of its own. Parameters have the names of the weights; which order of axes their values
 * have in the file follows from what reads them.
 */
export class NetworkBuilder {
  readonly #weights: WeightUse;
  readonly #operations: Operation[] = [];
  readonly #shapes = new Map<ValueId, ValueShape>();
  readonly #side: number;
  #image: ImageShape | undefined;
  #isSizeOpen = false;
  #scaling: InputScaling | undefined;

  /** @param side of the pictures, where the model leaves it open */
  constructor(weights: readonly StoredWeight[], side: number) {
    this.#side = side;
    this.#weights = new WeightUse(weights);
  }

  /**
   * The pictures.
   *
   * @param shape height and width, unless they are left open, and channels
   */
  image(shape: Partial<ImageShape> & Pick<ImageShape, "channels">): Value {
    if (this.#image !== undefined) throw unsupported("the model has several inputs, one is read");
    const { channels, height = this.#side, width = this.#side } = shape;
    requirePicture({ height, width, channels });
    this.#isSizeOpen = shape.height === undefined || shape.width === undefined;
    this.#image = { height, width, channels };
    this.#shapes.set("image", [height, width, channels]);
    return { id: "image", scaling: InputScaling.NONE };
  }

  /** Whether the model leaves the size of the pictures open. */
  get isSizeOpen(): boolean {
    return this.#isSizeOpen;
  }

  /** The order of axes of every weight that is used. */
  get axes(): ReadonlyMap<string, Axes> {
    return this.#weights.axes;
  }

  /** What the network does to pixels before anything else. */
  get scaling(): InputScaling {
    return this.#scaling ?? InputScaling.NONE;
  }

  shape({ id }: Value): ValueShape {
    return this.#shapes.get(id)!;
  }

  channels(value: Value): number {
    return this.shape(value).at(-1)!;
  }

  convolution(
    input: Value,
    name: string,
    kind: "ordinary" | "depthwise",
    told: Convolution,
  ): Value {
    const { bias, dilation, kernel, stride } = told;
    const stored = this.#weights.ofRank(kernel, 4);
    const axes = kind === "depthwise" ? depthwiseAxes(stored) : convolutionAxes(stored);
    const [height, width] = stored as [number, number];
    const channels = this.channels(input);
    // A kernel that reads fewer channels than there are is one of groups.
    const groups = kind === "depthwise" ? channels : channels / stored[2]!;
    const window = { kernel: dilated([height, width], dilation), stride, padding: told.padding };
    return this.#add(name, (output) => ({
      kind: "conv2d",
      input: this.#read(input, "padded"),
      output,
      weight: this.#weights.take(kernel, "conv-weight", axes),
      ...this.#bias(bias, "conv-bias"),
      stride,
      padding: sidesOf(this.shape(input), input.padding ?? NONE, window),
      dilation,
      groups,
    }));
  }

  dense(input: Value, name: string, kernel: string, bias?: string, isTurned = false): Value {
    const stored = this.#weights.ofRank(kernel, 2);
    const axes = isTurned ? asStored(stored) : denseAxes(stored);
    return this.#add(name, (output) => ({
      kind: "linear",
      input: this.#read(input),
      output,
      weight: this.#weights.take(kernel, "linear-weight", axes),
      ...this.#bias(bias, "linear-bias"),
    }));
  }

  /** A bias behind a convolution or dense layer that has none, and that nothing else reads. */
  withBias(input: Value, name: string, isAlone: boolean): Value {
    const place = this.#operations.findLastIndex(({ output }) => output === input.id);
    const operation = this.#operations[place];
    const takes = operation?.kind === "conv2d" || operation?.kind === "linear";
    if (!takes || operation.bias !== undefined || !isAlone || input.padding !== undefined) {
      throw unsupported(
        `the bias '${name}' stands behind no convolution or dense layer that takes it`,
      );
    }
    const role = operation.kind === "conv2d" ? "conv-bias" : "linear-bias";
    this.#operations[place] = { ...operation, ...this.#bias(name, role) };
    return input;
  }

  batchNorm(
    input: Value,
    name: string,
    weights: {
      readonly scale?: string | undefined;
      readonly shift?: string | undefined;
      readonly mean: string;
      readonly variance: string;
    },
    { epsilon, momentum }: { readonly epsilon: number; readonly momentum: number },
  ): Value {
    const { mean, scale, shift, variance } = weights;
    return this.#add(name, (output) => ({
      kind: "batch-norm",
      input: this.#read(input),
      output,
      ...(scale !== undefined && { scale: this.#weights.vector(scale, "norm-scale") }),
      ...(shift !== undefined && { shift: this.#weights.vector(shift, "norm-shift") }),
      runningMean: this.#weights.vector(mean, "running-mean"),
      runningVariance: this.#weights.vector(variance, "running-variance"),
      epsilon,
      momentum,
    }));
  }

  layerNorm(input: Value, name: string, scale: string, shift: string, epsilon: number): Value {
    return this.#add(name, (output) => ({
      kind: "layer-norm",
      input: this.#read(input),
      output,
      scale: this.#weights.vector(scale, "norm-scale"),
      shift: this.#weights.vector(shift, "norm-shift"),
      epsilon,
    }));
  }

  activation(input: Value, name: string, activation: Activation): Value {
    const made = this.#add(name, (output) => ({
      kind: "activation",
      activation,
      input: this.#read(input),
      output,
    }));
    return { ...made, isPositive: POSITIVE.has(activation) };
  }

  softmax(input: Value, name: string): Value {
    const map = this.shape(input);
    const features = map.length === 1 ? input : this.flatten(input, `${name}/flat`);
    return this.#add(name, (output) => ({ kind: "softmax", input: this.#read(features), output }));
  }

  maxPool(input: Value, name: string, window: Window): Value {
    // Zeros around what is nowhere below 0 are never the largest: they may as well be nothing.
    const hasZeros = input.padding !== undefined && input.isPositive !== true;
    if (hasZeros) throw unsupported(`'${name}' pools zeros that were put around a map`);
    const made = this.#add(name, (output) => ({
      kind: "max-pool",
      input: this.#read(input, "padded"),
      output,
      kernel: window.kernel,
      stride: window.stride,
      padding: sidesOf(this.shape(input), input.padding ?? NONE, window),
    }));
    return { ...made, isPositive: input.isPositive === true };
  }

  averagePool(input: Value, name: string, window: Window): Value {
    return this.#add(name, (output) => ({
      kind: "average-pool",
      input: this.#read(input),
      output,
      kernel: window.kernel,
      stride: window.stride,
      padding: sidesOf(this.shape(input), input.padding ?? NONE, window),
      countsPadding: false,
    }));
  }

  /** The mean of all positions: features, or a map of one position. */
  mean(input: Value, name: string, keepsAxes: boolean): Value {
    if (keepsAxes) return this.#oneCell(input.id, name);
    const made = this.#add(name, (output) => ({
      kind: "global-average-pool",
      input: this.#read(input),
      output,
    }));
    return { ...made, meanOf: input.id };
  }

  #oneCell(map: ValueId, name: string): Value {
    return this.#add(name, (output) => ({
      kind: "adaptive-average-pool",
      input: map,
      output,
      size: [1, 1],
    }));
  }

  flatten(input: Value, name: string): Value {
    if (this.shape(input).length === 1) return input;
    return this.#add(name, (output) => ({
      kind: "flatten",
      input: this.#read(input),
      output,
      order: "channels-last",
    }));
  }

  /** In a shape of one picture's values; of all that are possible those that networks have. */
  reshape(input: Value, name: string, shape: readonly number[]): Value {
    const from = this.shape(input);
    const into = reshaped(from, shape);
    if (into === "same") return input;
    if (into === "features") return this.flatten(input, name);
    if (into === "cell" && input.meanOf !== undefined) return this.#oneCell(input.meanOf, name);
    throw unsupported(
      `'${name}' makes [${shape.join(", ")}] of [${from.join(", ")}], which has no operation here`,
    );
  }

  add(inputs: readonly Value[], name: string): Value {
    const [first, ...others] = inputs;
    if (first === undefined || others.length === 0) throw unsupported(`'${name}' adds one value`);
    return others.reduce((sum, other, i) => {
      const ordered = this.#mapFirst(sum, other);
      return this.#add(i === others.length - 1 ? name : `${name}/${i}`, (output) => ({
        kind: "add",
        inputs: [this.#read(ordered[0]), this.#read(ordered[1])],
        output,
      }));
    }, first);
  }

  multiply(one: Value, other: Value, name: string): Value {
    const [map, gate] = this.#mapFirst(one, other);
    return this.#add(name, (output) => ({
      kind: "multiply",
      inputs: [this.#read(map), this.#read(gate)],
      output,
    }));
  }

  /** The one that has more positions is first: the other is one value a channel. */
  #mapFirst(one: Value, other: Value): [Value, Value] {
    return sizeOf(this.shape(other)) > sizeOf(this.shape(one)) ? [other, one] : [one, other];
  }

  concat(inputs: readonly Value[], name: string): Value {
    return this.#add(name, (output) => ({
      kind: "concat",
      axis: "channels",
      inputs: inputs.map((input) => this.#read(input)),
      output,
    }));
  }

  pad(input: Value, name: string, sides: Sides): Value {
    if (this.shape(input).length !== 3) throw unsupported(`'${name}' puts zeros around no map`);
    return { ...input, padding: addSides(input.padding ?? NONE, sides) };
  }

  /** Pixels times a factor and plus a number, at the beginning of the network. */
  scale(input: Value, name: string, factor: readonly number[], offset: readonly number[]): Value {
    if (input.scaling === undefined) {
      throw unsupported(
        `'${name}' scales values within the network by numbers that are no weights`,
      );
    }
    if (input.padding !== undefined) {
      throw unsupported(`'${name}' scales pixels after zeros were put around the picture`);
    }
    return { ...input, scaling: input.scaling.andThen(factor, offset) };
  }

  /** @param output of which a softmax at the end is left away: the network's answers are logits */
  finish(architecture: string, output: Value): Graph {
    const last = this.#operations.at(-1);
    const isSoftmax = last?.kind === "softmax" && last.output === output.id;
    if (isSoftmax) this.#operations.pop();
    const ends = isSoftmax ? { id: last.input } : output;
    const features = this.flatten(ends, "logits");
    if (this.#image === undefined) throw unsupported("the model has no input");
    const end = this.#operations.at(-1);
    if (end?.kind === "activation" && end.output === features.id && end.activation === "sigmoid") {
      throw unsupported(
        "the model ends in a sigmoid: it says of each class whether it is there, and Scour cleanses models that choose one class",
      );
    }
    return {
      architecture: `${architecture}-${this.#image.height}`,
      input: "image",
      inputShape: this.#image,
      output: features.id,
      classes: this.channels(features),
      operations: this.#operations,
      parameters: [...this.#weights.parameters.values()],
    };
  }

  #add(name: string, operationOf: (output: ValueId) => Operation): Value {
    if (this.#operations.length === MOST_OPERATIONS) {
      throw unsupported(`the model has more than ${MOST_OPERATIONS} operations`);
    }
    let output = name;
    for (let call = 1; this.#shapes.has(output); call++) output = `${name}#${call}`;
    const operation = operationOf(output);
    const known = shapeOf(operation);
    const inputs = operationInputs(operation).map((id) => this.#shapes.get(id)!);
    const used = known
      .parameters(operation)
      .map(({ name: own }) => this.#weights.parameters.get(own)!.shape);
    const shape = known.output(operation, inputs, used, (detail) =>
      unsupported(`'${name}' (${operation.kind}) ${detail}`),
    );
    this.#operations.push(operation);
    this.#shapes.set(output, shape);
    return { id: output };
  }

  /** What an operation reads; what is to be done to it before must be something that it does. */
  #read({ id, padding, scaling }: Value, takes: "padded" | "plain" = "plain"): ValueId {
    if (padding !== undefined && takes === "plain") {
      throw unsupported(`zeros are put around '${id}', and what reads it is no convolution`);
    }
    if (scaling !== undefined) {
      if (this.#scaling !== undefined && this.#scaling !== scaling) {
        throw unsupported("pixels are scaled in two ways");
      }
      this.#scaling = scaling;
    }
    return id;
  }

  #bias(name: string | undefined, role: "conv-bias" | "linear-bias"): { bias?: string } {
    return name === undefined ? {} : { bias: this.#weights.vector(name, role) };
  }
}
