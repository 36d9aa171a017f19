import {
  sizeOf,
  type BatchNormOperation,
  type Conv2dOperation,
  type Graph,
  type Operation,
  type Parameter,
} from "./graph.ts";
import { inferShapes } from "./infer-shapes.ts";
import { tiedParameters } from "./tied-parameters.ts";

/**
 * Batch norms that stand in for those that a writer of files may have folded into convolutions (SPEC L).
 * Where they are put is a function of the graph alone.
 */

/** Added to their variances: a power of two, so that 1 − ε is a float32, and with ε gives 1. */
export const STAND_IN_EPSILON = 2 ** -16;

/** Share of a batch in their running statistics, as PyTorch's norms have it. */
const MOMENTUM = 0.1;

/** A convolution that has a place for what a norm behind it is folded into. */
type BiasedConvolution = Conv2dOperation & { readonly bias: string };

/** A norm that stands in, and the convolution that it is behind. */
export interface StandIn {
  readonly convolution: BiasedConvolution;
  readonly norm: BatchNormOperation & { readonly scale: string; readonly shift: string };
  readonly channels: number;
  /** Values of the convolution's weight that give one of them. */
  readonly channelSize: number;
}

/** A graph's convolutions, by what is behind them. */
export interface ConvolutionsByNorm {
  readonly all: readonly Conv2dOperation[];
  /** Those whose output no batch norm reads. */
  readonly bare: readonly Conv2dOperation[];
  /** Those of them behind which a norm may stand in. */
  readonly places: readonly BiasedConvolution[];
}

/**
 * Which convolutions have no batch norm behind them, and which of these can be given one (SPEC L1.1): with
 * a bias into which it is folded again, weight and bias being theirs alone, more than one position, so that
 * there are statistics, and in a network that is not made of layer or group norms.
 */
export function convolutionsByNorm(graph: Graph): ConvolutionsByNorm {
  const { operations } = graph;
  const shapes = inferShapes(graph);
  const tied = tiedParameters(graph);
  const all = operations.filter((operation) => operation.kind === "conv2d");
  const normed = new Set(
    operations.flatMap((operation) => (operation.kind === "batch-norm" ? [operation.input] : [])),
  );
  const bare = all.filter(({ output }) => !normed.has(output));
  const hasOtherNorms = operations.some(
    ({ kind }) => kind === "layer-norm" || kind === "group-norm",
  );
  const isPlace = (convolution: Conv2dOperation): convolution is BiasedConvolution => {
    const { bias, output, weight } = convolution;
    const [height, width] = shapes.get(output)!;
    return bias !== undefined && !tied.has(bias) && !tied.has(weight) && height! * width! > 1;
  };
  return { all, bare, places: hasOtherNorms ? [] : bare.filter(isPlace) };
}

/**
 * The graph with a norm behind every convolution that has a place for one, their parameters behind all
 * others; what was read of a convolution is then read of its norm.
 *
 * @example
 * const { graph, standIns } = withStandInNorms(file.graph);
 */
export function withStandInNorms(graph: Graph): {
  readonly graph: Graph;
  readonly standIns: readonly StandIn[];
} {
  const { places } = convolutionsByNorm(graph);
  const shapes = new Map(graph.parameters.map(({ name, shape }) => [name, shape]));
  const standIns = places.map((convolution): StandIn => {
    const { output, weight } = convolution;
    const [channels, ...kernel] = shapes.get(weight)! as [number, ...number[]];
    const inner = `${output} before its stand-in`;
    return {
      convolution: { ...convolution, output: inner },
      norm: {
        kind: "batch-norm",
        input: inner,
        output,
        scale: `${weight}/stand-in.scale`,
        shift: `${weight}/stand-in.shift`,
        runningMean: `${weight}/stand-in.mean`,
        runningVariance: `${weight}/stand-in.variance`,
        epsilon: STAND_IN_EPSILON,
        momentum: MOMENTUM,
        standsIn: true,
      },
      channels,
      channelSize: sizeOf(kernel),
    };
  });
  const byOutput = new Map(standIns.map((standIn) => [standIn.norm.output, standIn]));
  const withNorm = (operation: Operation): Operation[] => {
    const standIn = byOutput.get(operation.output);
    return standIn === undefined ? [operation] : [standIn.convolution, standIn.norm];
  };
  return {
    standIns,
    graph: {
      ...graph,
      operations: graph.operations.flatMap(withNorm),
      parameters: [...graph.parameters, ...standIns.flatMap(standInParameters)],
    },
  };
}

/** The norms of a graph that stand in, in execution order. */
export function standInNorms({ operations }: Graph): readonly StandIn["norm"][] {
  return operations.flatMap((operation) =>
    operation.kind === "batch-norm" && operation.standsIn === true
      ? [operation as StandIn["norm"]]
      : [],
  );
}

function standInParameters({ channels, norm }: StandIn): Parameter[] {
  const shape = [channels];
  return [
    { name: norm.scale, role: "norm-scale", shape },
    { name: norm.shift, role: "norm-shift", shape },
    { name: norm.runningMean, role: "running-mean", shape },
    { name: norm.runningVariance, role: "running-variance", shape },
  ];
}
