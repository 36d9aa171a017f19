import type { Activation, ValueId } from "../../../../protocol/model/graph.ts";
import type { GraphBuilder } from "./graph-builder.ts";

/** Sizes a block is built with; each block takes those that mean something to it. */
export interface BlockSizes {
  readonly channels: number;
  readonly kernel: 1 | 3 | 5;
  readonly stride: 1 | 2;
  readonly padding: 0 | 1 | 2;
  /** Groups of a grouped convolution, or how many times a depthwise one multiplies channels. */
  readonly grouping: number;
}

/** Appends operations that read `x`, as a network would; returns the value they give. */
export type Block = (net: GraphBuilder, x: ValueId, sizes: BlockSizes) => ValueId;

export const rectifiedConvolution: Block = (net, x, sizes) => net.relu(net.conv(x, sizes));

export const convolutionOfConvolution: Block = (net, x, sizes) =>
  net.relu(net.conv(net.conv(x, { channels: sizes.channels + 1, kernel: 1 }), sizes));

export const convNormRelu: Block = (net, x, sizes) => net.relu(net.norm(net.conv(x, sizes)));

export const normWithoutRectifier: Block = (net, x, sizes) => {
  const normed = net.norm(net.conv(x, sizes));
  return net.relu(net.conv(normed, { channels: sizes.channels, kernel: 3 }));
};

/** The first without scale and shift, since the second would undo them. */
export const normOfNorm: Block = (net, x, sizes) =>
  net.relu(net.norm(net.norm(net.conv(x, sizes), [])));

/** He et al. 2016, figure 2. */
export const identityResidual: Block = (net, x, { channels, kernel }) => {
  const first = net.relu(net.norm(net.conv(x, { channels, kernel })));
  const second = net.norm(net.conv(first, { channels: net.channels(x), kernel: 3 }));
  return net.relu(net.add(second, x));
};

/** What is added is what was convolved: an engine must not overwrite it before it is done with it. */
export const shortResidual: Block = (net, x, { channels, kernel, padding }) => {
  const y = net.relu(net.conv(x, { channels, kernel, padding }));
  const normed = net.relu(net.add(net.norm(net.conv(y, { channels, kernel: 3 })), y));
  return net.relu(net.add(normed, net.conv(normed, { channels, kernel })));
};

export const projectionResidual: Block = (net, x, { channels, kernel, stride }) => {
  const first = net.relu(net.norm(net.conv(x, { channels, kernel, stride })));
  const main = net.norm(net.conv(first, { channels, kernel: 3 }));
  const shortcut = net.norm(net.conv(x, { channels, kernel: 1, stride }));
  return net.relu(net.add(main, shortcut));
};

/** The shortcut is a bare convolution, and the sum is read before any rectifier. */
export const unrectifiedResidual: Block = (net, x, { channels, kernel, stride }) => {
  const main = net.norm(net.conv(x, { channels, kernel, stride }));
  const sum = net.add(net.conv(x, { channels, kernel: 1, stride }), main);
  return net.relu(net.conv(sum, { channels, kernel: 3 }));
};

/**
 * Norm, bare convolution and sum, each with an activation behind it; the first is read by a
 * convolution and a sum.
 */
export function activated(activation: Activation): Block {
  return (net, x, { channels, kernel, stride }) => {
    const act = (value: ValueId): ValueId => net.activate(value, activation);
    const first = act(net.norm(net.conv(x, { channels, kernel, stride })));
    const second = act(net.conv(first, { channels, kernel: 3 }));
    return act(net.add(net.norm(net.conv(second, { channels, kernel: 1 })), first));
  };
}

/** Activations whose derivatives are told from values and from inputs, where each is met. */
export const severalActivations: Block = (net, x, { channels, kernel }) => {
  const first = net.activate(net.norm(net.conv(x, { channels, kernel })), "hard-swish");
  const second = net.activate(net.conv(first, { channels, kernel: 3 }), "relu6");
  const third = net.norm(net.conv(net.activate(second, "tanh"), { channels, kernel: 1 }));
  return net.activate(net.add(third, first), { kind: "leaky-relu", slope: 0.1 });
};

/** He et al. 2016, identity mappings: norm and rectifier before the convolution. */
export const preActivation: Block = (net, x, { channels, kernel }) => {
  const first = net.conv(net.relu(net.norm(x)), { channels, kernel });
  const second = net.conv(net.relu(net.norm(first)), { channels: net.channels(x), kernel: 3 });
  return net.relu(net.norm(net.add(x, second)));
};

/** One convolution read by a rectifier, a norm and a sum. */
export const readThreeTimes: Block = (net, x, sizes) => {
  const shared = net.conv(x, sizes);
  const sum = net.add(net.add(net.relu(shared), net.norm(shared)), shared);
  return net.relu(net.conv(sum, { channels: 3, kernel: 3 }));
};

/** One rectified norm read by two convolutions and a sum. */
export const sharedNorm: Block = (net, x, sizes) => {
  const shared = net.relu(net.norm(net.conv(x, sizes)));
  const { channels } = sizes;
  const left = net.conv(shared, { channels, kernel: 3 });
  const right = net.conv(shared, { channels, kernel: 1 });
  return net.relu(net.add(net.add(left, shared), right));
};

export const sumWithItself: Block = (net, x, sizes) => net.relu(net.conv(net.add(x, x), sizes));

export const sumOfConvolutions: Block = (net, x, sizes) =>
  net.relu(net.add(net.conv(x, sizes), net.conv(x, sizes)));

export const normOfSum: Block = (net, x, sizes) =>
  net.relu(net.norm(net.add(net.conv(x, sizes), net.conv(x, sizes))));

/** ResNeXt's bottleneck (Xie et al. 2017). */
export const groupedBottleneck: Block = (net, x, { channels, kernel, stride, grouping }) => {
  const inside = grouping * Math.max(1, Math.floor(channels / grouping));
  const first = net.relu(net.norm(net.conv(x, { channels: inside, kernel: 1 })));
  const grouped = net.conv(first, { channels: 2 * inside, kernel, stride, groups: grouping });
  const main = net.norm(net.conv(net.relu(net.norm(grouped)), { channels, kernel: 1 }));
  const shortcut = net.conv(x, { channels, kernel: 1, stride });
  return net.relu(net.add(shortcut, main));
};

export const groupedConvolution: Block = (net, x, sizes) => {
  const { grouping: groups, channels } = sizes;
  const each = Math.max(1, Math.floor(channels / groups));
  const inside = net.conv(x, { channels: groups * each, kernel: 1 });
  return net.relu(net.conv(inside, { ...sizes, channels: groups * (each + 1), groups }));
};

/** Nothing alike along both axes, or at two sides: kernels, strides, dilations, padding. */
export const unevenConvolutions: Block = (net, x, { channels, kernel, stride, padding }) => {
  const wide = net.conv(x, {
    channels,
    kernel: [2, kernel],
    stride: [1, stride],
    dilation: [stride, 2],
    padding: { top: padding, bottom: 0, left: kernel - 1, right: 2 * padding },
    bias: true,
  });
  const normed = net.relu(net.norm(wide, []));
  const high = { channels, kernel: [kernel, 3], stride: [3, 2], dilation: [1, 2] } as const;
  return net.relu(net.conv(normed, { ...high, padding: [kernel, 3], bias: true }));
};

/** Linear layers of every position, one before a norm; and weights that are used twice. */
export const positionwise: Block = (net, x, { channels, kernel }) => {
  const normed = net.relu(net.norm(net.linear(x, channels, { bias: false }), ["shift"]));
  const once = net.linear(normed, channels);
  const twice = net.add(net.linear(net.relu(once), channels, { weightOf: once }), normed);
  const first = net.conv(twice, { channels, kernel });
  const second = net.relu(net.norm(first));
  return net.relu(net.norm(net.conv(second, { channels, kernel, weightOf: first })));
};

/** MobileNet's block (Howard et al. 2017), `grouping` channels out for each channel in. */
export const depthwiseSeparable: Block = (net, x, sizes) => {
  const { channels, kernel, stride, padding, grouping } = sizes;
  const groups = net.channels(x);
  const wide = { channels: grouping * groups, kernel, stride, padding, groups };
  const spread = net.relu(net.norm(net.conv(x, wide)));
  return net.relu(net.norm(net.conv(spread, { channels, kernel: 1 })));
};

/** The same uneven windows as above, of each channel by itself. */
export const unevenDepthwise: Block = (net, x, { kernel, stride, padding }) => {
  const channels = net.channels(x);
  const wide = net.conv(x, {
    channels,
    groups: channels,
    kernel: [2, kernel],
    stride: [1, stride],
    dilation: [stride, 2],
    padding: { top: padding, bottom: 0, left: kernel - 1, right: 2 * padding },
    bias: true,
  });
  const normed = net.relu(net.norm(wide));
  const high = { channels, groups: channels, kernel: [kernel, 3], stride: [3, 2] } as const;
  return net.relu(net.conv(normed, { ...high, dilation: [1, 2], padding: [kernel, 3] }));
};

/** MobileNetV2's block (Sandler et al. 2018), `grouping` times as wide inside, and the next one's beginning. */
export const invertedResidual: Block = (net, x, { channels, kernel, stride, grouping }) => {
  const inside = grouping * channels;
  const wide = net.relu(net.norm(net.conv(x, { channels: inside, kernel: 1 })));
  const sizes = { channels: inside, kernel, stride, groups: inside };
  const spread = net.relu(net.norm(net.conv(wide, sizes)));
  const narrow = net.norm(net.conv(spread, { channels: net.channels(x), kernel: 1 }));
  const sum = stride === 1 ? net.add(narrow, x) : narrow;
  return net.relu(net.conv(sum, { channels, kernel: 1 }));
};

/** ConvNeXt's block (Liu et al. 2022) with the norms and rectifiers of other networks. */
export const wideDepthwiseResidual: Block = (net, x, { channels }) => {
  const inside = net.channels(x);
  const spread = net.norm(net.conv(x, { channels: inside, kernel: 7, groups: inside }));
  const wide = net.relu(net.conv(spread, { channels, kernel: 1 }));
  return net.relu(net.add(net.conv(wide, { channels: inside, kernel: 1 }), x));
};

/** Overlapping windows, of normalised values and of a pooling, and a norm of what they give. */
export const pooledConvolution: Block = (net, x, sizes) => {
  const { channels, kernel, stride, padding } = sizes;
  const largest = net.maxPool(x, { kernel: kernel + 1, stride, padding });
  const convolved = net.conv(largest, { channels, kernel: 1 });
  const means = net.averagePool(convolved, { kernel, stride, padding }, padding === 1);
  return net.relu(net.norm(means));
};

/** A layer of DenseNet (Huang et al. 2017): what came before is read twice, and kept. */
export const denseLayer: Block = (net, x, { channels, kernel }) => {
  const normed = net.relu(net.norm(x));
  const grown = net.concat(x, net.conv(normed, { channels, kernel }));
  return net.relu(net.norm(grown));
};

/** ShuffleNet's unit (Ma et al. 2018): half the channels go straight on. */
export const shuffledHalves: Block = (net, x, { channels, kernel, grouping }) => {
  const half = grouping * Math.max(1, Math.floor(channels / (2 * grouping)));
  const wide = net.relu(net.norm(net.conv(x, { channels: 2 * half, kernel: 1 })));
  const straight = net.slice(wide, 0, half);
  const convolved = net.conv(net.slice(wide, half, 2 * half), { channels: half, kernel });
  return net.shuffle(net.concat(straight, net.relu(convolved)), 2 * grouping);
};

/** ResNet's option A: a shortcut of every second position, padded with channels of zeros. */
export const paddedShortcut: Block = (net, x, { channels, kernel, stride }) => {
  const wide = net.channels(x) + channels;
  const main = net.norm(net.conv(x, { channels: wide, kernel, stride }));
  const fewer = net.averagePool(x, { kernel: 1, stride, padding: 0 }, true);
  const before = Math.floor(channels / 2);
  return net.relu(net.add(main, net.pad(fewer, before, channels - before)));
};

/** Squeeze and excitation (Hu et al. 2018), with a sum instead of a second product, and layer scale. */
export const excitedBranch: Block = (net, x, { channels, kernel }) => {
  const y = net.relu(net.norm(net.conv(x, { channels, kernel })));
  const squeezed = net.relu(net.linear(net.pool(y), channels));
  const excited = net.multiply(y, squeezed);
  const moved = net.add(net.scale(excited), net.linear(squeezed, channels));
  return net.add(net.multiply(moved, y), moved);
};

export type Head = (net: GraphBuilder, x: ValueId, classes: number) => ValueId;

export const linearHead: Head = (net, x, classes) => net.linear(net.pool(x), classes);

/** Logits straight from the pooling (Lin et al. 2014). */
export const convolutionalHead: Head = (net, x, classes) =>
  net.pool(net.conv(x, { channels: classes, kernel: 1 }));

/** VGG's (Simonyan and Zisserman 2015): a few means, in the order of the file. */
export const flatHead: Head = (net, x, classes) =>
  net.linear(net.flatten(net.adaptivePool(x, [2, 3]), "channels-first"), classes);

/** Features in the memory of a map. */
export const flatMapHead: Head = (net, x, classes) =>
  net.linear(net.flatten(net.adaptivePool(x, [1, 2]), "channels-last"), classes);

/** Two linear layers with a rectifier between, and a linear shortcut around them. */
export const deepHead: Head = (net, x, classes) => {
  const pooled = net.pool(x);
  const hidden = net.relu(net.linear(pooled, 2 * classes + 1));
  return net.add(net.linear(hidden, classes), net.linear(pooled, classes));
};

/** Two linear layers with GELU between, as in transformers. */
export const geluHead: Head = (net, x, classes) =>
  net.linear(net.activate(net.linear(net.pool(x), 2 * classes), "gelu"), classes);

/** ConvNeXt's block (Liu et al. 2022), in front of it its layer norm of a map. */
export const convNext: Block = (net, x, { channels, kernel, padding }) => {
  const wide = 2 * channels + 2;
  const start = net.ownNorm(net.conv(x, { channels: wide, kernel: 1 }));
  const apart = { channels: wide, kernel: kernel + 2, groups: wide, bias: true };
  const spread = net.linear(net.ownNorm(net.conv(start, apart)), 2 * wide + padding);
  const narrow = net.linear(net.activate(spread, "gelu"), wide);
  return net.add(net.scale(narrow), start);
};

/** Four channels a group. */
export const groupNorms: Block = (net, x, sizes) => {
  const channels = 4 * (1 + (sizes.channels % 4));
  const normed = net.ownNorm(net.conv(x, { ...sizes, channels }), channels / 4);
  return net.ownNorm(net.conv(net.relu(normed), { channels: 6, kernel: 3 }), 6);
};

/** A transformer's block behind a class token and positions (Dosovitskiy et al. 2021). */
export const transformerHead: Head = (net, x, classes) => {
  const [heads, width] = classes % 2 === 0 ? [2, 4] : [3, 2];
  const channels = heads * width;
  const patches = net.tokens(net.conv(x, { channels, kernel: 1, bias: true }));
  const start = net.embed(net.prepend(patches, 1));
  const normed = net.ownNorm(start);
  // Scores know nothing of a bias of keys: its gradient is what rounding leaves of 0.
  const keys = net.linear(normed, channels, { bias: false });
  const [queries, values] = [net.linear(normed, channels), net.linear(normed, channels)];
  const mixed = net.add(start, net.linear(net.attention([queries, keys, values], heads), channels));
  const hidden = net.activate(net.linear(net.ownNorm(mixed), 2 * channels), "gelu");
  const end = net.add(mixed, net.linear(hidden, channels));
  return net.linear(net.takeToken(net.ownNorm(end), 0), classes);
};

/** The mean of tokens, some of which are there with their positions besides. */
export const tokenMeanHead: Head = (net, x, classes) => {
  const tokens = net.tokens(x);
  return net.linear(net.pool(net.joinTokens(net.relu(net.embed(tokens)), tokens)), classes);
};

/** Attention of tokens to themselves as they are, without projections. */
export const sameTokensHead: Head = (net, x, classes) => {
  const tokens = net.softmax(net.sliceTokens(net.tokens(x)));
  const mixed = net.attention([tokens, tokens, tokens], 1);
  return net.linear(net.takeToken(net.add(mixed, tokens), 0), classes);
};
