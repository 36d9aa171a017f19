import type { Drawing } from "../drawing.ts";
import type { Drawn } from "../drawn.ts";
import type { ValueId } from "../graph.ts";
import type { Family } from "./family.ts";
import {
  invertedResidual,
  layer,
  timmLayers,
  type InvertedResidual,
  type Layer,
} from "./inverted-residual.ts";
import type { Member } from "./members.ts";

/** Blocks of each stage. B1 and B2 differ in width alone. */
const MEMBERS: readonly Member[] = [
  { name: "efficientnet_b0", blocks: [1, 2, 2, 3, 3, 4, 1] },
  { name: "efficientnet_b1_b2", blocks: [2, 3, 3, 4, 4, 5, 2] },
  { name: "efficientnet_b3", blocks: [2, 3, 3, 5, 5, 6, 2] },
  { name: "efficientnet_b4", blocks: [2, 4, 4, 6, 6, 8, 2] },
  { name: "efficientnet_b5", blocks: [3, 5, 5, 7, 7, 9, 3] },
  { name: "efficientnet_b6", blocks: [3, 6, 6, 8, 8, 11, 3] },
  { name: "efficientnet_b7", blocks: [4, 7, 7, 10, 10, 13, 4] },
];

/** Of the first block of each stage. */
const STRIDES = [1, 2, 2, 2, 1, 2, 1] as const;

interface Names {
  readonly stem: Layer;
  /** Name of a block. */
  readonly block: (stage: number, index: number) => string;
  readonly layers: (name: string) => Pick<InvertedResidual, "expand" | "depthwise" | "project">;
  readonly squeeze: (name: string) => readonly [reduce: string, expand: string];
  readonly last: Layer;
  readonly head: string;
  /** A tensor that every block has, behind its name. */
  readonly mark: string;
}

/** EfficientNets (Tan & Le, ICML 2019). */
function drawEfficientnet(net: Drawing, names: Names, padding: "same" | undefined): Drawn {
  const same = padding === undefined ? {} : { padding };
  const image = net.image(
    names.stem[0],
    { usual: 224 },
    {
      interpolation: "bicubic",
      // Timm has TensorFlow's with mean and std of .5, and with ImageNet's.
      ...(padding === "same" && { pixels: "asked" as const }),
    },
  );
  const stride = net.ask("stemStride", { asks: "the step of the stem", choices: [1, 2], usual: 2 });
  let value = layer(net, image, names.stem, { kernel: 3, stride, ...same });
  value = net.activation(value, "silu", "stem");
  const found = STRIDES.map((_, stage) =>
    net.count((i) => `${names.block(stage, i)}.${names.mark}`),
  );
  const member = net.nearest(MEMBERS, found);
  for (const [stage, blocks] of member.blocks.entries()) {
    for (let index = 0; index < blocks; index++) {
      const name = names.block(stage, index);
      const step = index === 0 ? STRIDES[stage]! : 1;
      value = block(net, value, name, step, names, padding);
    }
  }
  value = net.activation(layer(net, value, names.last, { kernel: 1 }), "silu", "last");
  const logits = net.linear(net.globalPool(value), names.head, { output: "logits" });
  return net.finish(member.name, logits);
}

function block(
  net: Drawing,
  input: ValueId,
  name: string,
  stride: number,
  { layers, squeeze }: Names,
  padding: "same" | undefined,
): ValueId {
  const [reduce, expand] = squeeze(name);
  return invertedResidual(net, input, {
    name,
    ...layers(name),
    squeeze: { reduce, expand, activation: "silu", gate: "sigmoid" },
    stride,
    activation: "silu",
    padding,
  });
}

const TORCHVISION: Names = {
  stem: ["features.0.0", "features.0.1"],
  block: (stage, index) => `features.${stage + 1}.${index}.block`,
  // Blocks of the first stage expand nothing, so that all behind is counted one lower.
  layers: (name) => {
    const first = name.startsWith("features.1.") ? 0 : 1;
    const at = (index: number): Layer => [`${name}.${index}.0`, `${name}.${index}.1`];
    return {
      expand: first === 1 ? at(0) : undefined,
      depthwise: at(first),
      project: at(first + 2),
    };
  },
  squeeze: (name) => {
    const at = name.startsWith("features.1.") ? 1 : 2;
    return [`${name}.${at}.fc1`, `${name}.${at}.fc2`];
  },
  last: ["features.8.0", "features.8.1"],
  head: "classifier.1",
  mark: "0.0.weight",
};

function drawTorchvision(net: Drawing): Drawn {
  // From B5 on torchvision's norms are those of the paper.
  const isLarge = net.has("features.1.2.block.0.0.weight");
  net.norms(isLarge ? { epsilon: 1e-3, momentum: 0.01 } : { epsilon: 1e-5 });
  return drawEfficientnet(net, TORCHVISION, undefined);
}

function drawTimm(net: Drawing): Drawn {
  const padding = net.ask("convPadding", {
    asks: "whether convolutions are padded alike on all sides (timm's `efficientnet_`) or as TensorFlow does (`tf_efficientnet_`)",
    choices: ["symmetric", "same"],
  });
  net.norms(padding === "same" ? { epsilon: 1e-3, momentum: 0.01 } : { epsilon: 1e-5 });
  const names: Names = {
    stem: ["conv_stem", "bn1"],
    block: (stage, index) => `blocks.${stage}.${index}`,
    layers: (name) => timmLayers(net, name),
    squeeze: (name) => [`${name}.se.conv_reduce`, `${name}.se.conv_expand`],
    last: ["conv_head", "bn2"],
    head: "classifier",
    mark: "conv_dw.weight",
  };
  return drawEfficientnet(net, names, padding === "same" ? "same" : undefined);
}

export const efficientnetFamily: Family = {
  title: "EfficientNet",
  members: ["EfficientNet-B0 to -B7"],
  forms: [
    {
      origin: "torchvision",
      rewrites: [],
      marks: [
        "features.0.0.weight",
        "features.1.0.block.1.fc1.weight",
        "features.2.0.block.2.fc1.weight",
        "features.7.0.block.3.0.weight",
        "features.8.0.weight",
        "classifier.1.weight",
      ],
      draw: drawTorchvision,
    },
    {
      origin: "timm",
      rewrites: [],
      marks: [
        "conv_stem.weight",
        "blocks.0.0.se.conv_reduce.weight",
        "blocks.1.0.se.conv_reduce.weight",
        "blocks.6.0.bn3.weight",
        "conv_head.weight",
        "bn2.weight",
        "classifier.weight",
      ],
      draw: drawTimm,
    },
  ],
};
