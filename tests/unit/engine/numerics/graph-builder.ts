import {
  allSides,
  type Activation,
  type Graph,
  type ImageShape,
  type Operation,
  type Parameter,
  type ParameterRole,
  type ValueId,
} from "../../../../protocol/model/graph.ts";
import { activationName } from "../../../../protocol/model/operations/pointwise.ts";
import type { Pair, Sides } from "../../../../protocol/model/values.ts";

/** Along height and width, or the same along both. */
type OneOrPair = number | Pair;

export interface ConvolutionSizes {
  readonly channels: number;
  readonly kernel: OneOrPair;
  readonly stride?: OneOrPair;
  /** Half the kernel (the image keeps its size at stride 1) when left out. */
  readonly padding?: OneOrPair | Sides;
  readonly dilation?: OneOrPair;
  readonly groups?: number;
  readonly bias?: boolean;
  /** Output of an earlier convolution whose weight this one has too. */
  readonly weightOf?: ValueId;
}

export interface LinearSizes {
  /** True when left out. */
  readonly bias?: boolean;
  /** Output of an earlier layer whose weight this one has too. */
  readonly weightOf?: ValueId;
}

export interface PoolSizes {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

/**
 * Writes a `Graph` operation by operation, naming values and parameters by their order.
 *
 * @example
 * const net = new GraphBuilder({ height: 7, width: 5, channels: 3 });
 * const x = net.relu(net.norm(net.conv(net.image, { channels: 6, kernel: 3 })));
 * const graph = net.graph(net.linear(net.pool(x), 4));
 */
export class GraphBuilder {
  readonly image: ValueId = "image";
  readonly #inputShape: ImageShape;
  readonly #operations: Operation[] = [];
  readonly #parameters: Parameter[] = [];
  readonly #shapes = new Map<ValueId, readonly number[]>();
  readonly #norms: ValueId[] = [];
  #blind = false;

  constructor(inputShape: ImageShape) {
    this.#inputShape = inputShape;
    const { height, width, channels } = inputShape;
    this.#shapes.set(this.image, [height, width, channels]);
  }

  /** Channels of a value. */
  channels(value: ValueId): number {
    return this.#shape(value).at(-1)!;
  }

  /** Whether every value has a row and a column, and no convolution sees padding alone. */
  get fits(): boolean {
    const shapes = [...this.#shapes.values()];
    return !this.#blind && shapes.every((shape) => shape.every((extent) => extent > 0));
  }

  /** H·W of the smallest value that a batch norm reads; infinite where there is none. */
  get fewestNormPositions(): number {
    return Math.min(
      ...this.#norms.map((value) => {
        const [height, width] = this.#shape(value) as [number, number];
        return height * width;
      }),
    );
  }

  conv(input: ValueId, sizes: ConvolutionSizes): ValueId {
    const { channels, groups = 1 } = sizes;
    const kernel = pairOf(sizes.kernel);
    const stride = pairOf(sizes.stride ?? 1);
    const dilation = pairOf(sizes.dilation ?? 1);
    const padding = sidesOf(sizes.padding ?? [(kernel[0] - 1) / 2, (kernel[1] - 1) / 2]);
    const { top, bottom, left, right } = padding;
    const [height, width, channelsIn] = this.#shape(input) as [number, number, number];
    this.#blind ||= height <= Math.max(top, bottom) || width <= Math.max(left, right);
    const output = this.#name("conv");
    const weight = this.#weight(output, sizes.weightOf, {
      role: "conv-weight",
      shape: [channels, channelsIn / groups, ...kernel],
    });
    const bias = sizes.bias && this.#bias(output, "conv-bias", channels);
    const operation = { kind: "conv2d", input, output, weight, stride, padding, dilation } as const;
    this.#operations.push({ ...operation, groups, ...(bias && { bias }) });
    const extent = (size: number, axis: 0 | 1): number =>
      Math.floor((size - dilation[axis] * (kernel[axis] - 1) - 1) / stride[axis]) + 1;
    const rows = extent(height + top + bottom, 0);
    return this.#value(output, [rows, extent(width + left + right, 1), channels]);
  }

  /** @param affine which parameters of its own it has. */
  norm(input: ValueId, affine: readonly ("scale" | "shift")[] = ["scale", "shift"]): ValueId {
    const output = this.#name("norm");
    const shape = [this.channels(input)];
    this.#norms.push(input);
    const own = affine.map((what) => [what, `${output}.${what}`] as const);
    this.#parameters.push(
      ...own.map(([what, name]): Parameter => ({ name, role: `norm-${what}`, shape })),
      { name: `${output}.running_mean`, role: "running-mean", shape },
      { name: `${output}.running_var`, role: "running-variance", shape },
    );
    this.#operations.push({
      kind: "batch-norm",
      input,
      output,
      ...Object.fromEntries(own),
      runningMean: `${output}.running_mean`,
      runningVariance: `${output}.running_var`,
      epsilon: 1e-5,
      momentum: 0.1,
    });
    return this.#value(output, this.#shape(input));
  }

  relu(input: ValueId): ValueId {
    return this.activate(input, "relu");
  }

  activate(input: ValueId, activation: Activation): ValueId {
    const output = this.#name(activationName(activation));
    this.#operations.push({ kind: "activation", activation, input, output });
    return this.#value(output, this.#shape(input));
  }

  add(first: ValueId, second: ValueId): ValueId {
    const output = this.#name("add");
    this.#operations.push({ kind: "add", inputs: [first, second], output });
    return this.#value(output, this.#shape(first));
  }

  multiply(first: ValueId, second: ValueId): ValueId {
    const output = this.#name("multiply");
    this.#operations.push({ kind: "multiply", inputs: [first, second], output });
    return this.#value(output, this.#shape(first));
  }

  scale(input: ValueId): ValueId {
    const output = this.#name("scale");
    const factor = `${output}.gamma`;
    this.#parameters.push({
      name: factor,
      role: "layer-scale",
      shape: [this.channels(input), 1, 1],
    });
    this.#operations.push({ kind: "scale", input, output, factor });
    return this.#value(output, this.#shape(input));
  }

  /** The largest of each window; as much of the padding as the window allows. */
  maxPool(input: ValueId, sizes: PoolSizes): ValueId {
    const output = this.#name("max");
    this.#operations.push({ kind: "max-pool", input, output, ...this.#window(sizes) });
    return this.#value(output, this.#slide(input, sizes));
  }

  /** The mean of each window, likewise. */
  averagePool(input: ValueId, sizes: PoolSizes, countsPadding: boolean): ValueId {
    const output = this.#name("average");
    const window = this.#window(sizes);
    this.#operations.push({ kind: "average-pool", input, output, ...window, countsPadding });
    return this.#value(output, this.#slide(input, sizes));
  }

  adaptivePool(input: ValueId, size: readonly [number, number]): ValueId {
    const output = this.#name("adaptive");
    this.#operations.push({ kind: "adaptive-average-pool", input, output, size });
    return this.#value(output, [...size, this.channels(input)]);
  }

  /** Of maps or features. */
  concat(...inputs: readonly ValueId[]): ValueId {
    const output = this.#name("concat");
    const channels = inputs.reduce((sum, input) => sum + this.channels(input), 0);
    this.#operations.push({ kind: "concat", axis: "channels", inputs, output });
    return this.#value(output, [...this.#shape(inputs[0]!).slice(0, -1), channels]);
  }

  slice(input: ValueId, from: number, to: number): ValueId {
    const output = this.#name("slice");
    this.#operations.push({ kind: "slice-channels", input, output, from, to });
    return this.#value(output, [...this.#shape(input).slice(0, -1), to - from]);
  }

  pad(input: ValueId, before: number, after: number): ValueId {
    const output = this.#name("padded");
    this.#operations.push({ kind: "pad-channels", input, output, before, after });
    const channels = before + this.channels(input) + after;
    return this.#value(output, [...this.#shape(input).slice(0, -1), channels]);
  }

  shuffle(input: ValueId, groups: number): ValueId {
    const output = this.#name("shuffle");
    this.#operations.push({ kind: "shuffle-channels", input, output, groups });
    return this.#value(output, this.#shape(input));
  }

  flatten(input: ValueId, order: "channels-first" | "channels-last"): ValueId {
    const output = this.#name("flat");
    this.#operations.push({ kind: "flatten", input, output, order });
    return this.#value(output, [this.#shape(input).reduce((a, b) => a * b, 1)]);
  }

  pool(input: ValueId): ValueId {
    const output = this.#name("pool");
    this.#operations.push({ kind: "global-average-pool", input, output });
    return this.#value(output, [this.channels(input)]);
  }

  /** Of features, or of every position of a map. */
  linear(input: ValueId, channels: number, sizes: LinearSizes = {}): ValueId {
    const output = this.#name("linear");
    const weight = this.#weight(output, sizes.weightOf, {
      role: "linear-weight",
      shape: [channels, this.channels(input)],
    });
    const bias = (sizes.bias ?? true) && this.#bias(output, "linear-bias", channels);
    this.#operations.push({ kind: "linear", input, output, weight, ...(bias && { bias }) });
    return this.#value(output, [...this.#shape(input).slice(0, -1), channels]);
  }

  /** @param groups of a group norm; a layer norm when left out */
  ownNorm(input: ValueId, groups?: number): ValueId {
    const output = this.#name(groups === undefined ? "layernorm" : "groupnorm");
    const [scale, shift] = [`${output}.weight`, `${output}.bias`];
    const shape = [this.channels(input)];
    this.#parameters.push(
      { name: scale, role: "norm-scale", shape },
      { name: shift, role: "norm-shift", shape },
    );
    const norm = { input, output, scale, shift, epsilon: 1e-5 };
    this.#operations.push(
      groups === undefined
        ? { kind: "layer-norm", ...norm }
        : { kind: "group-norm", groups, ...norm },
    );
    return this.#value(output, this.#shape(input));
  }

  softmax(input: ValueId): ValueId {
    const output = this.#name("softmax");
    this.#operations.push({ kind: "softmax", input, output });
    return this.#value(output, this.#shape(input));
  }

  tokens(input: ValueId): ValueId {
    const output = this.#name("tokens");
    const [height, width, channels] = this.#shape(input) as [number, number, number];
    this.#operations.push({ kind: "to-tokens", input, output });
    return this.#value(output, [height * width, channels]);
  }

  prepend(input: ValueId, count: number): ValueId {
    const output = this.#name("prepended");
    const [tokens, channels] = this.#shape(input) as [number, number];
    const embedding = this.#embedding(output, [1, count, channels]);
    this.#operations.push({ kind: "prepend-tokens", input, output, embedding });
    return this.#value(output, [count + tokens, channels]);
  }

  embed(input: ValueId): ValueId {
    const output = this.#name("embedded");
    const embedding = this.#embedding(output, [1, ...this.#shape(input)]);
    this.#operations.push({ kind: "add-embedding", input, output, embedding });
    return this.#value(output, this.#shape(input));
  }

  /** All tokens but the first. */
  joinTokens(...inputs: readonly ValueId[]): ValueId {
    const output = this.#name("joined");
    const shapes = inputs.map((input) => this.#shape(input) as [number, number]);
    const count = shapes.reduce((sum, [tokens]) => sum + tokens, 0);
    this.#operations.push({ kind: "concat", axis: "tokens", inputs, output });
    return this.#value(output, [count, shapes[0]![1]]);
  }

  sliceTokens(input: ValueId): ValueId {
    const output = this.#name("sliced");
    const [to, channels] = this.#shape(input) as [number, number];
    this.#operations.push({ kind: "slice-tokens", input, output, from: 1, to });
    return this.#value(output, [to - 1, channels]);
  }

  takeToken(input: ValueId, index: number): ValueId {
    const output = this.#name("taken");
    this.#operations.push({ kind: "take-token", input, output, index });
    return this.#value(output, [this.channels(input)]);
  }

  attention(inputs: readonly [ValueId, ValueId, ValueId], heads: number): ValueId {
    const output = this.#name("attention");
    this.#operations.push({ kind: "attention", inputs, output, heads });
    return this.#value(output, this.#shape(inputs[0]));
  }

  graph(output: ValueId): Graph {
    return {
      architecture: "drawn",
      input: this.image,
      inputShape: this.#inputShape,
      output,
      classes: this.channels(output),
      operations: this.#operations,
      parameters: this.#parameters,
    };
  }

  #weight(output: ValueId, sharedWith: ValueId | undefined, own: Omit<Parameter, "name">): string {
    const name = `${sharedWith ?? output}.weight`;
    if (sharedWith === undefined) this.#parameters.push({ name, ...own });
    return name;
  }

  #bias(output: ValueId, role: ParameterRole, channels: number): string {
    const name = `${output}.bias`;
    this.#parameters.push({ name, role, shape: [channels] });
    return name;
  }

  #embedding(output: ValueId, shape: readonly number[]): string {
    const name = `${output}.embedding`;
    this.#parameters.push({ name, role: "embedding", shape });
    return name;
  }

  #window({ kernel, stride, padding }: PoolSizes) {
    const around = allSides(Math.min(padding, kernel - 1));
    return { kernel: [kernel, kernel], stride: [stride, stride], padding: around } as const;
  }

  #slide(input: ValueId, { kernel, stride, padding }: PoolSizes): readonly number[] {
    const [height, width, channels] = this.#shape(input) as [number, number, number];
    const around = 2 * Math.min(padding, kernel - 1);
    const extent = (size: number): number => Math.floor((size + around - kernel) / stride) + 1;
    return [extent(height), extent(width), channels];
  }

  #name(kind: string): string {
    return `${kind}${this.#operations.length}`;
  }

  #shape(value: ValueId): readonly number[] {
    return this.#shapes.get(value)!;
  }

  #value(name: ValueId, shape: readonly number[]): ValueId {
    this.#shapes.set(name, shape);
    return name;
  }
}

function pairOf(size: OneOrPair): Pair {
  return typeof size === "number" ? [size, size] : size;
}

function sidesOf(padding: OneOrPair | Sides): Sides {
  if (typeof padding === "number") return allSides(padding);
  if ("top" in padding) return padding;
  const [height, width] = padding;
  return { top: height, bottom: height, left: width, right: width };
}
