import { ProtocolError } from "../errors.ts";
import { Answers, type Question } from "./answers.ts";
import type { ConvolutionOptions } from "./convolution-options.ts";
import { nearestMember, unlike, type Member } from "./architectures/members.ts";
import type { Activation, Graph, Operation, Parameter, ParameterRole, ValueId } from "./graph.ts";
import { operationInputs, SIZES } from "./graph.ts";
import type { NamedTensor } from "./named-tensor.ts";
import type { NetworkQuestion, NetworkSettings } from "./network-settings.ts";
import { shapeOf } from "./operation-shapes.ts";
import { OWN_SIZE, seenAs, usuallySeen, type SeenOtherwise } from "./preprocessing-defaults.ts";
import type { Drawn } from "./drawn.ts";
import { samePadding } from "./same-padding.ts";
import { allSides, sizeOf, type Pair, type ValueShape } from "./values.ts";

/** A file's tensors by name; none, where a network is drawn anew. */
export type Tensors = ReadonlyMap<string, NamedTensor>;

/** Sides of images that models are mostly trained with. */
const TRIED_SIDES = [32, 64, 96, 128, 224] as const;

/**
 * Draws the network that a file's tensors suggest, operation by operation, as a model's `forward` is
 * written. Channels and, where a family leaves them open, kernels are read from the tensors; what must
 * then hold of every tensor is in the graph's parameters, to be compared. Nothing throws on the way:
 * a network is drawn to its end also where tensors are missing, so that what comes closest can be named.
 *
 * @example
 * const net = new Drawing(tensors, (name) => name, {});
 * const x = net.relu(net.batchNorm(net.conv(net.image("conv1", { usual: 32 }), "conv1"), "bn1"), "relu1");
 * const { graph } = net.finish("resnet18", net.linear(net.globalPool(x), "fc"));
 */
export class Drawing {
  readonly #tensors: Tensors;
  readonly #nameOf: (own: string) => string;
  readonly #answers: Answers;
  readonly #operations: Operation[] = [];
  readonly #parameters = new Map<string, Parameter>();
  readonly #shapes = new Map<ValueId, ValueShape>();
  #problem: ProtocolError | undefined;
  #seen: string | undefined;
  #preprocessing = OWN_SIZE;
  #asksPixels = false;
  #epsilon = 1e-5;
  #momentum = 0.1;

  /**
   * @param nameOf the file's name of a tensor, by the architecture's own
   * @param given answers to what tensors do not tell
   */
  constructor(tensors: Tensors, nameOf: (own: string) => string, given: NetworkSettings) {
    this.#tensors = tensors;
    this.#nameOf = nameOf;
    this.#answers = new Answers(given);
  }

  /** Shape of a tensor of the file, by the architecture's own name. */
  told(name: string): readonly number[] | undefined {
    return this.#tensors.get(this.#nameOf(name))?.shape;
  }

  has(name: string): boolean {
    return this.told(name) !== undefined;
  }

  /** How many of successive tensors are there, from `first` on. */
  count(nameOf: (index: number) => string, first = 0): number {
    let index = first;
    while (this.has(nameOf(index))) index++;
    return index - first;
  }

  /** The member that comes closest to the blocks that were found, stage by stage. */
  nearest(members: readonly Member[], found: readonly number[]): Member {
    const member = nearestMember(members, found);
    this.#seen = unlike(member, members, found);
    return member;
  }

  /** The answer to a question; where there is none and must be, the network has a problem. */
  ask<Key extends NetworkQuestion>(
    key: Key,
    question: Question<NonNullable<NetworkSettings[Key]>>,
  ): NonNullable<NetworkSettings[Key]> {
    return this.#answers.ask(key, question);
  }

  /**
   * The images that the layer `stem` reads, of as many channels as its weight has.
   *
   * @param size usual side, or the one that the tensors tell
   * @param seen what such files are trained with otherwise than most for images of ImageNet's size
   */
  image(
    stem: string,
    size: { readonly usual: number } | { readonly told: number },
    seen: SeenOtherwise = {},
  ): ValueId {
    const channels = this.told(`${stem}.weight`)?.[1] ?? 3;
    if (channels !== 1 && channels !== 3) {
      this.#problem ??= new ProtocolError(
        "unsupported-model",
        `its first layer reads ${channels} channels, and images have 3 (RGB) or 1 (grey): Scour cleanses classifiers of such images`,
      );
    }
    if ("told" in size && (size.told < SIZES.least || size.told > SIZES.most)) {
      this.#problem ??= new ProtocolError(
        "unsupported-model",
        `it reads images of ${size.told} pixels, and Scour takes ${SIZES.least} to ${SIZES.most}: bring its position embeddings to such a size (timm: img_size) and train it on a little`,
      );
    }
    const asks = "the side of the images in pixels";
    const side = this.ask(
      "size",
      "told" in size
        ? { asks, usual: size.told, choices: [size.told] }
        : { asks, usual: Math.min(size.usual, SIZES.most), tried: TRIED_SIDES },
    );
    const usual = "told" in size ? size.told : size.usual;
    this.#preprocessing = seenAs(usuallySeen(usual, side), seen);
    this.#asksPixels = seen.pixels === "asked";
    this.#shapes.set("image", [side, side, channels]);
    return "image";
  }

  /** What is added to the variance in the norms that follow, and how fast their statistics advance. */
  norms(usual: { readonly epsilon: number; readonly momentum?: number }): void {
    this.#epsilon = this.ask("epsilon", {
      asks: "what the norms add to variances",
      usual: usual.epsilon,
    });
    this.#momentum = usual.momentum ?? 0.1;
  }

  shape(value: ValueId): ValueShape {
    return this.#shapes.get(value)!;
  }

  channels(value: ValueId): number {
    return this.shape(value).at(-1)!;
  }

  conv(input: ValueId, name: string, options: ConvolutionOptions = {}): ValueId {
    const { stride = 1, padding, bias = false } = options;
    const weight = `${name}.weight`;
    const channels = this.channels(input);
    const told = this.told(weight);
    const [out, within, height = 3, width = 3] = told?.length === 4 ? told : [];
    const { kernel: side } = options;
    const kernel: Pair = side === undefined ? [height, width] : [side, side];
    let groups = options.groups === "depthwise" ? channels : 1;
    if (options.groups === "told" && within !== undefined && channels % within === 0) {
      groups = channels / within;
    }
    const outputs = out ?? options.out ?? channels;
    return this.#add({
      kind: "conv2d",
      input,
      output: name,
      weight: this.#parameter(weight, "conv-weight", [outputs, channels / groups, ...kernel]),
      ...(bias && { bias: this.#parameter(`${name}.bias`, "conv-bias", [outputs]) }),
      stride: [stride, stride],
      padding:
        padding === "same"
          ? samePadding(this.shape(input), kernel, stride)
          : allSides(padding ?? Math.floor((kernel[0] - 1) / 2)),
      dilation: [1, 1],
      groups,
    });
  }

  batchNorm(input: ValueId, name: string): ValueId {
    const shape = [this.channels(input)];
    return this.#add({
      kind: "batch-norm",
      input,
      output: name,
      scale: this.#parameter(`${name}.weight`, "norm-scale", shape),
      shift: this.#parameter(`${name}.bias`, "norm-shift", shape),
      runningMean: this.#parameter(`${name}.running_mean`, "running-mean", shape),
      runningVariance: this.#parameter(`${name}.running_var`, "running-variance", shape),
      epsilon: this.#epsilon,
      momentum: this.#momentum,
    });
  }

  activation(input: ValueId, activation: Activation, output: string): ValueId {
    return this.#add({ kind: "activation", activation, input, output });
  }

  relu(input: ValueId, output: string): ValueId {
    return this.activation(input, "relu", output);
  }

  /** Over the channels; with the epsilon of `norms` unless the network has another here. */
  layerNorm(input: ValueId, name: string, epsilon = this.#epsilon): ValueId {
    const shape = [this.channels(input)];
    return this.#add({
      kind: "layer-norm",
      input,
      output: name,
      scale: this.#parameter(`${name}.weight`, "norm-scale", shape),
      shift: this.#parameter(`${name}.bias`, "norm-shift", shape),
      epsilon,
    });
  }

  /** Layer scale: a factor a channel, in the shape that the tensor has. */
  scale(input: ValueId, factor: string, output: string): ValueId {
    const channels = this.channels(input);
    const told = this.told(factor);
    const shape = told !== undefined && sizeOf(told) === channels ? told : [channels];
    return this.#add({
      kind: "scale",
      input,
      output,
      factor: this.#parameter(factor, "layer-scale", shape),
    });
  }

  /** A value times one a channel: squeeze and excitation. */
  multiply(input: ValueId, gate: ValueId, output: string): ValueId {
    return this.#add({ kind: "multiply", inputs: [input, gate], output });
  }

  concat(inputs: readonly ValueId[], output: string): ValueId {
    return this.#add({ kind: "concat", axis: "channels", inputs, output });
  }

  toTokens(input: ValueId, output: string): ValueId {
    return this.#add({ kind: "to-tokens", input, output });
  }

  /** Puts a class token before the others. */
  prependToken(input: ValueId, name: string): ValueId {
    const embedding = this.#parameter(name, "embedding", [1, 1, this.channels(input)]);
    return this.#add({ kind: "prepend-tokens", input, output: name, embedding });
  }

  /** Adds a position to every token. */
  addEmbedding(input: ValueId, name: string): ValueId {
    const [tokens, channels] = this.shape(input) as [number, number];
    const embedding = this.#parameter(name, "embedding", [1, tokens, channels]);
    return this.#add({ kind: "add-embedding", input, output: name, embedding });
  }

  takeToken(input: ValueId, index: number, output: string): ValueId {
    return this.#add({ kind: "take-token", input, output, index });
  }

  sliceTokens(input: ValueId, from: number, output: string): ValueId {
    const to = this.shape(input)[0];
    return this.#add({ kind: "slice-tokens", input, output, from, to });
  }

  sliceChannels(input: ValueId, from: number, to: number, output: string): ValueId {
    return this.#add({ kind: "slice-channels", input, output, from, to });
  }

  attention(query: ValueId, key: ValueId, value: ValueId, heads: number, output: string): ValueId {
    return this.#add({ kind: "attention", inputs: [query, key, value], output, heads });
  }

  adaptivePool(input: ValueId, side: number, output: string): ValueId {
    return this.#add({ kind: "adaptive-average-pool", input, output, size: [side, side] });
  }

  add(input: ValueId, other: ValueId, output: string): ValueId {
    return this.#add({ kind: "add", inputs: [input, other], output });
  }

  padChannels(input: ValueId, before: number, after: number, output: string): ValueId {
    return this.#add({ kind: "pad-channels", input, output, before, after });
  }

  maxPool(
    input: ValueId,
    kernel: number,
    stride: number,
    padding: number,
    output: string,
  ): ValueId {
    return this.#add({
      kind: "max-pool",
      input,
      output,
      kernel: [kernel, kernel],
      stride: [stride, stride],
      padding: allSides(padding),
    });
  }

  /** Without padding; of a kernel of 1, every `stride`-th row and column. */
  averagePool(input: ValueId, kernel: number, output: string, stride = kernel): ValueId {
    return this.#add({
      kind: "average-pool",
      input,
      output,
      kernel: [kernel, kernel],
      stride: [stride, stride],
      padding: allSides(0),
      countsPadding: false,
    });
  }

  globalPool(input: ValueId, output = "pool"): ValueId {
    return this.#add({ kind: "global-average-pool", input, output });
  }

  flatten(input: ValueId, output = "flat"): ValueId {
    return this.#add({ kind: "flatten", input, output, order: "channels-first" });
  }

  linear(
    input: ValueId,
    name: string,
    {
      bias = `${name}.bias`,
      output = name,
      weight = `${name}.weight`,
    }: { readonly weight?: string; readonly bias?: string | false; readonly output?: string } = {},
  ): ValueId {
    const channels = this.channels(input);
    const out = this.told(weight)?.[0] ?? channels;
    return this.#add({
      kind: "linear",
      input,
      output,
      weight: this.#parameter(weight, "linear-weight", [out, channels]),
      ...(bias !== false && { bias: this.#parameter(bias, "linear-bias", [out]) }),
    });
  }

  /** @param architecture the member's name, without the size of its images */
  finish(architecture: string, output: ValueId): Drawn {
    const [height, width, channels] = this.shape("image") as [number, number, number];
    const graph: Graph = {
      architecture: `${architecture}-${height}`,
      input: "image",
      inputShape: { height, width, channels },
      output,
      classes: this.channels(output),
      operations: this.#operations,
      parameters: [...this.#parameters.values()],
    };
    return {
      graph,
      network: this.#answers.network,
      assumed: this.#answers.assumed,
      others: this.#answers.others,
      seen: this.#seen,
      preprocessing: this.#preprocessing,
      asksPixels: this.#asksPixels,
      problem: this.#problem ?? this.#answers.problem,
    };
  }

  #parameter(own: string, role: ParameterRole, shape: readonly number[]): string {
    const name = this.#nameOf(own);
    this.#parameters.set(name, { name, role, shape });
    return name;
  }

  #add(operation: Operation): ValueId {
    const known = shapeOf(operation);
    const inputs = operationInputs(operation).map((id) => this.shape(id));
    const used = known.parameters(operation).map(({ name }) => this.#parameters.get(name)!.shape);
    this.#operations.push(operation);
    let shape = inputs[0]!;
    try {
      shape = known.output(operation, inputs, used, (detail) => {
        return new ProtocolError("unsupported-model", `'${operation.output}': ${detail}`);
      });
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#problem ??= error;
    }
    this.#shapes.set(operation.output, shape);
    return operation.output;
  }
}
