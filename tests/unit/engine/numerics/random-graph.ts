import type { PixelBatch, ValueBatch } from "../../../../client/engine/engine.ts";
import type { Graph, ImageShape, ValueId } from "../../../../protocol/model/graph.ts";
import { stateLayout, type StateLayout } from "../../../../protocol/model/state-layout.ts";
import * as blocks from "./blocks.ts";
import { GraphBuilder } from "./graph-builder.ts";
import { SeededValues } from "./seeded-values.ts";

/**
 * Fewest values a training-mode batch norm may see of a channel. Of two values only the sign is
 * left once they are normalised, and the gradient is what rounding makes of zero.
 */
const FEWEST_NORM_VALUES = 8;

/**
 * Builds a graph on the smallest image, of at least the given extents, on which every convolution
 * has an output and every batch norm enough values.
 *
 * @param normGroupSize images that a batch norm sees at once
 */
export function growToFit(
  smallest: ImageShape,
  normGroupSize: number,
  build: (net: GraphBuilder) => ValueId,
): Graph {
  for (let grown = 0; grown < 64; grown++) {
    const { height, width, channels } = smallest;
    const net = new GraphBuilder({ height: height + grown, width: width + grown, channels });
    const output = build(net);
    if (net.fits && net.fewestNormPositions * normGroupSize >= FEWEST_NORM_VALUES) {
      return net.graph(output);
    }
  }
  throw new Error("no image is large enough for this graph");
}

export interface RandomGraph {
  readonly graph: Graph;
  readonly layout: StateLayout;
}

const BLOCKS = [
  blocks.rectifiedConvolution,
  blocks.convNormRelu,
  blocks.normWithoutRectifier,
  blocks.identityResidual,
  blocks.shortResidual,
  blocks.projectionResidual,
  blocks.unrectifiedResidual,
  blocks.preActivation,
  blocks.readThreeTimes,
  blocks.sharedNorm,
  blocks.sumWithItself,
  blocks.sumOfConvolutions,
  blocks.normOfSum,
  blocks.groupedBottleneck,
  blocks.groupedConvolution,
  blocks.depthwiseSeparable,
];

/**
 * A small network of a few blocks and a head, the same for the same seed.
 *
 * @param normGroupSize images that a batch norm of it may be given at the least
 *
 * @example
 * const { graph, layout } = randomGraph(7);
 * const session = engine.openSession({ graph, layout, teacher: randomState(layout, 1) });
 * session.load(randomState(layout, 2));
 * await session.step(randomBatch(graph, 6, 3), settings);
 */
export function randomGraph(seed: number, normGroupSize = 2): RandomGraph {
  const smallest = new SeededValues(seed);
  const shape = {
    height: smallest.integer(3, 8),
    width: smallest.integer(3, 8),
    channels: smallest.integer(1, 4),
  };
  const graph = growToFit(shape, normGroupSize, (net) => {
    // Drawn anew for each size tried, so that only the size differs.
    const values = new SeededValues(seed + 1);
    let x = net.conv(net.image, { channels: values.integer(1, 12), kernel: 3 });
    x = net.relu(values.pick([true, false]) ? net.norm(x) : x);
    for (let count = values.integer(2, 3); count > 0; count--) {
      x = values.pick(BLOCKS)(net, x, {
        channels: values.integer(1, 12),
        kernel: values.pick([1, 3, 3, 5]),
        stride: values.pick([1, 1, 2]),
        padding: values.pick([0, 1, 1, 2]),
        grouping: values.integer(1, 3),
      });
    }
    const head = values.pick([blocks.linearHead, blocks.convolutionalHead, blocks.deepHead]);
    return head(net, x, values.integer(2, 7));
  });
  return { graph, layout: stateLayout(graph) };
}

/**
 * A state vector that keeps activations near one: weights by their fan-in, scales of either sign,
 * running variances around one.
 */
export function randomState(layout: StateLayout, seed: number): Float32Array {
  const values = new SeededValues(seed);
  const state = new Float32Array(layout.length);
  for (const { role, shape, offset, size } of layout.entries) {
    const fanIn = size / shape[0]!;
    for (let i = offset; i < offset + size; i++) {
      switch (role) {
        case "conv-weight":
          state[i] = values.normal() * Math.sqrt(2 / fanIn);
          break;
        case "linear-weight":
          state[i] = values.normal() * Math.sqrt(4 / fanIn);
          break;
        case "norm-scale":
          state[i] = values.uniform(0.5, 1.5) * values.pick([1, 1, 1, -1]);
          break;
        case "running-variance":
          state[i] = values.uniform(0.5, 2);
          break;
        case "layer-scale":
          state[i] = values.uniform(0.5, 1.5);
          break;
        case "conv-bias":
        case "embedding":
        case "linear-bias":
        case "norm-shift":
        case "running-mean":
          state[i] = values.uniform(-0.5, 0.5);
          break;
        default:
          role satisfies never;
      }
    }
  }
  return state;
}

/** Normally distributed images. */
export function randomBatch({ inputShape }: Graph, size: number, seed: number): ValueBatch {
  const values = new SeededValues(seed);
  const { height, width, channels } = inputShape;
  const length = size * height * width * channels;
  return { values: Float32Array.from({ length }, () => values.normal()), size };
}

/** Evenly distributed pixels, each image placed and mirrored in its own way. */
export function randomPixelBatch({ inputShape }: Graph, size: number, seed: number): PixelBatch {
  const values = new SeededValues(seed);
  const { height, width, channels } = inputShape;
  const cropPadding = values.integer(0, 3);
  const pixels = Uint8Array.from({ length: size * height * width * channels }, () =>
    values.integer(0, 255),
  );
  const placements = Uint8Array.from({ length: size * 3 }, (_, i) =>
    values.integer(0, i % 3 === 2 ? 1 : 2 * cropPadding),
  );
  const table = new Float32Array(channels * 256);
  for (let c = 0; c < channels; c++) {
    const mean = values.uniform(0.3, 0.6);
    const deviation = values.uniform(0.2, 0.3);
    for (let pixel = 0; pixel < 256; pixel++) {
      table[c * 256 + pixel] = (pixel / 255 - mean) / deviation;
    }
  }
  return { pixels, placements, cropPadding, table, size };
}
