import type { Drawing } from "../drawing.ts";
import type { Drawn } from "../drawn.ts";
import type { Activation, ValueId } from "../graph.ts";
import { HALVES, type SeenOtherwise } from "../preprocessing-defaults.ts";
import type { Family } from "./family.ts";
import { invertedResidual, layer, timmLayers, type InvertedResidual } from "./inverted-residual.ts";
import { pooledFor } from "./pooled-head.ts";

/** Blocks of each stage, and the stride of the first. */
const STAGES = [
  { blocks: 1, stride: 1 },
  { blocks: 2, stride: 2 },
  { blocks: 3, stride: 2 },
  { blocks: 4, stride: 2 },
  { blocks: 3, stride: 1 },
  { blocks: 3, stride: 2 },
  { blocks: 1, stride: 1 },
] as const;

/** Strides of all blocks in order. */
const STRIDES = STAGES.flatMap(({ blocks, stride }) =>
  Array.from({ length: blocks }, (_, index) => (index === 0 ? stride : 1)),
);

const RECTIFIERS = ["relu", "relu6"] as const;
const ASKS = "which rectifier follows its layers";

/** What forms for large images do otherwise. */
interface Dialect {
  readonly epsilon: number;
  readonly padding?: "same";
  readonly seen?: SeenOtherwise;
}

/** What torchvision and timm draw alike: MobileNetV2 (Sandler et al., CVPR 2018) for large images. */
function drawForImagenet(
  net: Drawing,
  names: {
    readonly stem: [string, string];
    readonly last: [string, string];
    readonly head: string;
  },
  blockAt: (index: number) => Omit<InvertedResidual, "stride" | "activation">,
  { epsilon, padding, seen = {} }: Dialect = { epsilon: 1e-5 },
): Drawn {
  const padded = padding === undefined ? {} : { padding };
  let value = net.image(names.stem[0], { usual: 224 }, seen);
  net.norms({ epsilon });
  const activation = net.ask("activation", { asks: ASKS, choices: RECTIFIERS, usual: "relu6" });
  const stride = net.ask("stemStride", { asks: "the step of the stem", choices: [1, 2], usual: 2 });
  const second = net.ask("secondStride", {
    asks: "the step of the second stage",
    choices: [1, 2],
    usual: 2,
  });
  value = layer(net, value, names.stem, { kernel: 3, stride, ...padded });
  value = net.activation(value, activation, "stem");
  for (const [index, usual] of STRIDES.entries()) {
    const step = index === STAGES[0].blocks ? second : usual;
    const block = { ...blockAt(index), stride: step, activation, ...padded };
    value = invertedResidual(net, value, block);
  }
  value = net.activation(layer(net, value, names.last, { kernel: 1 }), activation, "last");
  const logits = net.linear(net.globalPool(value), names.head, { output: "logits" });
  return net.finish("mobilenetv2", logits);
}

function drawTorchvision(net: Drawing): Drawn {
  const names = {
    stem: ["features.0.0", "features.0.1"] as [string, string],
    last: ["features.18.0", "features.18.1"] as [string, string],
    head: "classifier.1",
  };
  return drawForImagenet(net, names, (index) => {
    const name = `features.${index + 1}`;
    // The first block has no convolution that expands.
    const first = index === 0 ? 0 : 1;
    const at = (layerIndex: number): [string, string] => [
      `${name}.conv.${layerIndex}.0`,
      `${name}.conv.${layerIndex}.1`,
    ];
    return {
      name,
      expand: index === 0 ? undefined : at(0),
      depthwise: at(first),
      project: [`${name}.conv.${first + 1}`, `${name}.conv.${first + 2}`],
    };
  });
}

function drawTimm(net: Drawing): Drawn {
  const names = {
    stem: ["conv_stem", "bn1"] as [string, string],
    last: ["conv_head", "bn2"] as [string, string],
    head: "classifier",
  };
  const blockNames = STAGES.flatMap(({ blocks }, stage) =>
    Array.from({ length: blocks }, (_, index) => `blocks.${stage}.${index}`),
  );
  return drawForImagenet(net, names, (index) => {
    const name = blockNames[index]!;
    return { name, ...timmLayers(net, name) };
  });
}

function layerOf(name: string): [string, string] {
  return [`${name}.convolution`, `${name}.normalization`];
}

/** Hugging Face's, which Google's weights need as TensorFlow pads and norms. */
function drawHuggingFace(net: Drawing): Drawn {
  const convPadding = net.ask("convPadding", {
    asks: "whether convolutions are padded as TensorFlow does (Google's) or alike on all sides",
    choices: ["same", "symmetric"],
    usual: "same",
  });
  const names = {
    stem: layerOf("mobilenet_v2.conv_stem.first_conv"),
    last: layerOf("mobilenet_v2.conv_1x1"),
    head: "classifier",
  };
  const blockAt = (index: number): Omit<InvertedResidual, "stride" | "activation"> => {
    const name = index === 0 ? "mobilenet_v2.conv_stem" : `mobilenet_v2.layer.${index - 1}`;
    return {
      name,
      expand: index === 0 ? undefined : layerOf(`${name}.expand_1x1`),
      depthwise: layerOf(`${name}.conv_3x3`),
      project: layerOf(`${name}.reduce_1x1`),
    };
  };
  return drawForImagenet(net, names, blockAt, {
    epsilon: 1e-3,
    seen: HALVES,
    ...(convPadding === "same" && { padding: "same" as const }),
  });
}

/**
 * The form of pytorch-cifar: no stride in the stem and in the second stage, every block expands, and
 * one that changes its channels has a shortcut of its own unless it has a stride.
 */
function drawCifar(net: Drawing): Drawn {
  let value = net.image("conv1", { usual: 32 });
  net.norms({ epsilon: 1e-5 });
  const activation = net.ask("activation", { asks: ASKS, choices: RECTIFIERS, usual: "relu" });
  value = net.activation(layer(net, value, ["conv1", "bn1"], { kernel: 3 }), activation, "stem");
  for (const [index, usual] of STRIDES.entries()) {
    // The second stage keeps its resolution, which its shortcut shows.
    const hasShortcut = net.has(`layers.${index}.shortcut.0.weight`);
    const stride = hasShortcut || index === STAGES[0].blocks ? 1 : usual;
    value = cifarBlock(net, value, `layers.${index}`, stride, activation);
  }
  value = net.activation(layer(net, value, ["conv2", "bn2"], { kernel: 1 }), activation, "last");
  const pooled = pooledFor(net, value, "linear");
  return net.finish("mobilenetv2", net.linear(pooled, "linear", { output: "logits" }));
}

function cifarBlock(
  net: Drawing,
  input: ValueId,
  name: string,
  stride: number,
  activation: Activation,
): ValueId {
  let value = layer(net, input, [`${name}.conv1`, `${name}.bn1`], { kernel: 1 });
  value = net.activation(value, activation, `${name}.expanded`);
  const second = { kernel: 3, groups: "depthwise", stride } as const;
  value = layer(net, value, [`${name}.conv2`, `${name}.bn2`], second);
  value = net.activation(value, activation, `${name}.filtered`);
  value = layer(net, value, [`${name}.conv3`, `${name}.bn3`], { kernel: 1 });
  if (stride !== 1) return value;
  const out = net.channels(value);
  const shortcut =
    net.channels(input) === out
      ? input
      : layer(net, input, [`${name}.shortcut.0`, `${name}.shortcut.1`], { kernel: 1, out });
  return net.add(value, shortcut, `${name}.sum`);
}

/** Strides of weiaicunzai's stages: one less than the paper's has two. */
const WEIAICUNZAI_STRIDES = [1, 2, 2, 2, 1, 1, 1];

/**
 * The form of weiaicunzai's pytorch-cifar100: a stem of one pixel with padding around the image, biases
 * everywhere, and a head that is a convolution of what was pooled.
 */
function drawWeiaicunzai(net: Drawing): Drawn {
  let value = net.image("pre.0", { usual: 32 });
  net.norms({ epsilon: 1e-5 });
  const activation = net.ask("activation", { asks: ASKS, choices: RECTIFIERS, usual: "relu6" });
  const stem = { kernel: 1, padding: 1, bias: true };
  value = net.activation(layer(net, value, ["pre.0", "pre.1"], stem), activation, "stem");
  for (const [stage, { blocks }] of STAGES.entries()) {
    for (let index = 0; index < blocks; index++) {
      const name = `stage${stage + 1}${blocks === 1 ? "" : `.${index}`}`;
      const at = (place: number): [string, string] => [
        `${name}.residual.${place}`,
        `${name}.residual.${place + 1}`,
      ];
      const stride = index === 0 ? WEIAICUNZAI_STRIDES[stage]! : 1;
      const layers = { expand: at(0), depthwise: at(3), project: at(6), bias: true };
      value = invertedResidual(net, value, { name, stride, activation, ...layers });
    }
  }
  const last = layer(net, value, ["conv1.0", "conv1.1"], { kernel: 1, bias: true });
  const pooled = net.adaptivePool(net.activation(last, activation, "last"), 1, "pool");
  const logits = net.conv(pooled, "conv2", { kernel: 1, bias: true });
  return net.finish("mobilenetv2", net.flatten(logits, "logits"));
}

export const mobilenetV2Family: Family = {
  title: "MobileNetV2",
  members: ["MobileNetV2 of any width"],
  forms: [
    {
      origin: "torchvision",
      rewrites: [],
      marks: [
        "features.0.0.weight",
        "features.1.conv.0.0.weight",
        "features.2.conv.1.0.weight",
        "features.17.conv.3.weight",
        "features.18.1.weight",
        "classifier.1.weight",
      ],
      draw: drawTorchvision,
    },
    {
      origin: "timm",
      rewrites: [],
      marks: [
        "conv_stem.weight",
        "blocks.0.0.conv_pw.weight",
        "blocks.1.0.conv_pwl.weight",
        "blocks.6.0.bn3.weight",
        "conv_head.weight",
        "classifier.weight",
      ],
      draw: drawTimm,
    },
    {
      origin: "Hugging Face",
      rewrites: [],
      marks: [
        "mobilenet_v2.conv_stem.first_conv.convolution.weight",
        "mobilenet_v2.conv_stem.reduce_1x1.convolution.weight",
        "mobilenet_v2.layer.0.expand_1x1.convolution.weight",
        "mobilenet_v2.layer.15.reduce_1x1.normalization.weight",
        "mobilenet_v2.conv_1x1.convolution.weight",
        "classifier.weight",
      ],
      draw: drawHuggingFace,
    },
    {
      origin: "pytorch-cifar",
      rewrites: [],
      marks: [
        "conv1.weight",
        "layers.0.conv1.weight",
        "layers.0.shortcut.0.weight",
        "layers.16.conv3.weight",
        "conv2.weight",
        "linear.weight",
      ],
      draw: drawCifar,
    },
    {
      origin: "weiaicunzai's pytorch-cifar100",
      rewrites: [],
      marks: [
        "pre.0.weight",
        "stage1.residual.0.weight",
        "stage2.0.residual.6.weight",
        "stage7.residual.7.weight",
        "conv1.0.weight",
        "conv2.weight",
      ],
      draw: drawWeiaicunzai,
    },
  ],
};
