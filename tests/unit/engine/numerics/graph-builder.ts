import {
  allSides,
  type Activation,
  type Graph,
  type ImageShape,
  type Operation,
  type Parameter,
  type ValueId,
} from "../../../../protocol/model/graph.ts";
import { activationName } from "../../../../protocol/model/operations/pointwise.ts";

export interface ConvolutionSizes {
  readonly channels: number;
  readonly kernel: number;
  readonly stride?: number;
  /** Half the kernel (the image keeps its size at stride 1) when left out. */
  readonly padding?: number;
  readonly groups?: number;
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
    const { channels, kernel, stride = 1, padding = (kernel - 1) / 2, groups = 1 } = sizes;
    const [height, width, channelsIn] = this.#shape(input) as [number, number, number];
    this.#blind ||= Math.min(height, width) <= padding;
    const output = this.#name("conv");
    const weight = `${output}.weight`;
    this.#parameters.push({
      name: weight,
      role: "conv-weight",
      shape: [channels, channelsIn / groups, kernel, kernel],
    });
    this.#operations.push({
      kind: "conv2d",
      input,
      output,
      weight,
      stride: [stride, stride],
      padding: allSides(padding),
      dilation: [1, 1],
      groups,
    });
    const extent = (size: number): number => Math.floor((size + 2 * padding - kernel) / stride) + 1;
    return this.#value(output, [extent(height), extent(width), channels]);
  }

  norm(input: ValueId): ValueId {
    const output = this.#name("norm");
    const shape = [this.channels(input)];
    this.#norms.push(input);
    this.#parameters.push(
      { name: `${output}.weight`, role: "norm-scale", shape },
      { name: `${output}.bias`, role: "norm-shift", shape },
      { name: `${output}.running_mean`, role: "running-mean", shape },
      { name: `${output}.running_var`, role: "running-variance", shape },
    );
    this.#operations.push({
      kind: "batch-norm",
      input,
      output,
      scale: `${output}.weight`,
      shift: `${output}.bias`,
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

  pool(input: ValueId): ValueId {
    const output = this.#name("pool");
    this.#operations.push({ kind: "global-average-pool", input, output });
    return this.#value(output, [this.channels(input)]);
  }

  linear(input: ValueId, channels: number): ValueId {
    const output = this.#name("linear");
    const weight = `${output}.weight`;
    const bias = `${output}.bias`;
    this.#parameters.push(
      { name: weight, role: "linear-weight", shape: [channels, this.channels(input)] },
      { name: bias, role: "linear-bias", shape: [channels] },
    );
    this.#operations.push({ kind: "linear", input, output, weight, bias });
    return this.#value(output, [channels]);
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
