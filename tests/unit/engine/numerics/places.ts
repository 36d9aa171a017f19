import fc from "fast-check";
import type { ValueId } from "../../../../protocol/model/graph.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import * as blocks from "./blocks.ts";
import type { Block, BlockSizes, Head } from "./blocks.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { growToFit, type RandomGraph } from "./random-graph.ts";

type Stem = (net: GraphBuilder, channels: number) => ValueId;

const noStem: Stem = (net) => net.image;
const plainStem: Stem = (net, channels) => net.relu(net.conv(net.image, { channels, kernel: 3 }));
/** Patches (Dosovitskiy et al. 2021): as far from each other as they are large. */
const patchStem: Stem = (net, channels) =>
  net.conv(net.image, { channels, kernel: [4, 3], stride: [4, 3], padding: 0, bias: true });
const normedStem: Stem = (net, channels) =>
  net.relu(net.norm(net.conv(net.image, { channels, kernel: 3 })));

/** A place in a network where an operation is met: what comes before it, around it and after it. */
export interface Place {
  readonly title: string;
  readonly stem: Stem;
  readonly block: Block;
  readonly head: Head;
}

const { linearHead, convolutionalHead, deepHead, flatHead, flatMapHead, geluHead } = blocks;

export const PLACES: readonly Place[] = [
  {
    title: "a convolution of the images, rectified",
    stem: noStem,
    block: blocks.rectifiedConvolution,
    head: linearHead,
  },
  {
    title: "a convolution of rectified values, rectified",
    stem: plainStem,
    block: blocks.rectifiedConvolution,
    head: linearHead,
  },
  {
    title: "a convolution of a convolution",
    stem: plainStem,
    block: blocks.convolutionOfConvolution,
    head: linearHead,
  },
  {
    title: "convolution, norm, rectifier, and again",
    stem: normedStem,
    block: blocks.convNormRelu,
    head: linearHead,
  },
  {
    title: "a norm that no rectifier follows",
    stem: normedStem,
    block: blocks.normWithoutRectifier,
    head: linearHead,
  },
  { title: "a norm of a norm", stem: plainStem, block: blocks.normOfNorm, head: linearHead },
  {
    title: "a residual block with an identity shortcut",
    stem: normedStem,
    block: blocks.identityResidual,
    head: linearHead,
  },
  {
    title: "a residual block with a strided projection",
    stem: normedStem,
    block: blocks.projectionResidual,
    head: linearHead,
  },
  {
    title: "a residual sum without a rectifier",
    stem: normedStem,
    block: blocks.unrectifiedResidual,
    head: linearHead,
  },
  {
    title: "norms that read sums",
    stem: plainStem,
    block: blocks.preActivation,
    head: linearHead,
  },
  {
    title: "a convolution read by rectifier, norm and sum",
    stem: normedStem,
    block: blocks.readThreeTimes,
    head: linearHead,
  },
  {
    title: "a rectified norm read by two convolutions and a sum",
    stem: normedStem,
    block: blocks.sharedNorm,
    head: linearHead,
  },
  {
    title: "a value added to itself",
    stem: normedStem,
    block: blocks.sumWithItself,
    head: linearHead,
  },
  {
    title: "a sum of two convolutions, rectified",
    stem: plainStem,
    block: blocks.sumOfConvolutions,
    head: linearHead,
  },
  {
    title: "a norm of the sum of two convolutions",
    stem: normedStem,
    block: blocks.normOfSum,
    head: linearHead,
  },
  {
    title: "norm, sum and convolution of the images themselves",
    stem: noStem,
    block: blocks.preActivation,
    head: linearHead,
  },
  {
    title: "logits straight from the pooling",
    stem: normedStem,
    block: blocks.convNormRelu,
    head: convolutionalHead,
  },
  {
    title: "linear layers with a rectifier and a shortcut",
    stem: normedStem,
    block: blocks.convNormRelu,
    head: deepHead,
  },
  {
    title: "patches, then a convolution with a bias",
    stem: patchStem,
    block: (net, x, sizes) => net.relu(net.conv(x, { ...sizes, bias: true })),
    head: linearHead,
  },
  {
    title: "convolutions unlike along their axes",
    stem: noStem,
    block: blocks.unevenConvolutions,
    head: linearHead,
  },
  {
    title: "linear layers of positions, and weights used twice",
    stem: plainStem,
    block: blocks.positionwise,
    head: deepHead,
  },
  {
    title: "a grouped convolution",
    stem: plainStem,
    block: blocks.groupedConvolution,
    head: linearHead,
  },
  {
    title: "a bottleneck around a grouped convolution",
    stem: normedStem,
    block: blocks.groupedBottleneck,
    head: linearHead,
  },
  {
    title: "a depthwise separable convolution",
    stem: normedStem,
    block: blocks.depthwiseSeparable,
    head: linearHead,
  },
  {
    title: "an inverted residual around a depthwise convolution",
    stem: normedStem,
    block: blocks.invertedResidual,
    head: linearHead,
  },
  {
    title: "a residual around a wide depthwise convolution",
    stem: plainStem,
    block: blocks.wideDepthwiseResidual,
    head: linearHead,
  },
  {
    title: "depthwise convolutions with nothing alike along both axes",
    stem: normedStem,
    block: blocks.unevenDepthwise,
    head: linearHead,
  },
  {
    title: "a residual sum of a convolution and what it reads",
    stem: normedStem,
    block: blocks.shortResidual,
    head: linearHead,
  },
  {
    title: "SiLU behind a norm, a convolution and a sum",
    stem: noStem,
    block: blocks.activated("silu"),
    head: linearHead,
  },
  {
    title: "hard-swish, ReLU6, tanh, leaky ReLU and GELU",
    stem: normedStem,
    block: blocks.severalActivations,
    head: geluHead,
  },
  {
    title: "poolings of normalised values, and a norm of them",
    stem: normedStem,
    block: blocks.pooledConvolution,
    head: linearHead,
  },
  {
    title: "a dense layer, flattened channels first",
    stem: plainStem,
    block: blocks.denseLayer,
    head: flatHead,
  },
  {
    title: "halves of the channels, shuffled",
    stem: plainStem,
    block: blocks.shuffledHalves,
    head: flatMapHead,
  },
  {
    title: "a shortcut padded with channels of zeros, and a mean of tokens",
    stem: normedStem,
    block: blocks.paddedShortcut,
    head: blocks.tokenMeanHead,
  },
  {
    title: "products, sums and scales with one value a channel",
    stem: normedStem,
    block: blocks.excitedBranch,
    head: linearHead,
  },
  {
    title: "a transformer's block behind a class token and positions",
    stem: plainStem,
    block: blocks.rectifiedConvolution,
    head: blocks.transformerHead,
  },
  {
    title: "a depthwise convolution, layer norms, GELU and a layer scale",
    stem: noStem,
    block: blocks.convNext,
    head: linearHead,
  },
  {
    title: "group norms, softmax, and attention of tokens to themselves",
    stem: plainStem,
    block: blocks.groupNorms,
    head: blocks.sameTokensHead,
  },
];

/** What fast-check draws; `seed` decides the values. */
export interface Sizes extends BlockSizes {
  readonly height: number;
  readonly width: number;
  readonly imageChannels: number;
  readonly stemChannels: number;
  readonly classes: number;
  /** Images to a norm group, and norm groups to a batch. */
  readonly norm: readonly [groupSize: number, groups: number];
  readonly seed: number;
}

const NORM_GROUPS = [1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((size) =>
  [1, 2, 3].filter((groups) => size * groups <= 9).map((groups) => [size, groups] as const),
);

export const sizes: fc.Arbitrary<Sizes> = fc.record({
  height: fc.integer({ min: 1, max: 9 }),
  width: fc.integer({ min: 1, max: 9 }),
  imageChannels: fc.integer({ min: 1, max: 5 }),
  stemChannels: fc.integer({ min: 1, max: 20 }),
  channels: fc.integer({ min: 1, max: 20 }),
  kernel: fc.constantFrom(1, 3, 5),
  stride: fc.constantFrom(1, 2),
  padding: fc.constantFrom(0, 1, 2),
  grouping: fc.integer({ min: 1, max: 4 }),
  classes: fc.integer({ min: 2, max: 11 }),
  norm: fc.constantFrom(...NORM_GROUPS),
  seed: fc.noShrink(fc.nat()),
});

/** Widths around the tiles that matrix kernels are made of, on images of about a hundred pixels. */
export const tileSizes: fc.Arbitrary<Sizes> = fc.record({
  height: fc.integer({ min: 8, max: 11 }),
  width: fc.integer({ min: 8, max: 11 }),
  imageChannels: fc.constant(3),
  stemChannels: fc.constantFrom(31, 32, 33, 36, 64, 65),
  channels: fc.constantFrom(24, 31, 32, 33, 40, 63, 64, 65, 72),
  kernel: fc.constantFrom(1, 3),
  stride: fc.constantFrom(1, 2),
  padding: fc.constantFrom(0, 1),
  grouping: fc.integer({ min: 1, max: 3 }),
  classes: fc.constantFrom(10, 33),
  norm: fc.constantFrom([1, 3] as const, [2, 1] as const, [3, 1] as const),
  seed: fc.noShrink(fc.nat()),
});

/** The network of a place at the sizes drawn, on an image just large enough for it. */
export function graphAt({ stem, block, head }: Place, drawn: Sizes): RandomGraph {
  const { height, width, imageChannels: channels, norm } = drawn;
  const graph = growToFit({ height, width, channels }, norm[0], (net) =>
    head(net, block(net, stem(net, drawn.stemChannels), drawn), drawn.classes),
  );
  return { graph, layout: stateLayout(graph) };
}
