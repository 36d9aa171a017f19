import type { Drawing } from "../drawing.ts";
import type { Drawn } from "../drawn.ts";
import type { ValueId } from "../graph.ts";
import { HALVES } from "../preprocessing-defaults.ts";
import type { Family } from "./family.ts";
import {
  invertedResidual,
  layer,
  timmLayers,
  type InvertedResidual,
  type Layer,
} from "./inverted-residual.ts";

interface Member {
  readonly name: string;
  readonly strides: readonly number[];
  /** So many blocks have rectifiers, the others hard swish. */
  readonly rectified: number;
  /** Timm's stages: blocks of each. */
  readonly stages: readonly number[];
}

const LARGE: Member = {
  name: "mobilenetv3_large",
  strides: [1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1],
  rectified: 6,
  stages: [1, 2, 3, 4, 2, 3],
};

const SMALL: Member = {
  name: "mobilenetv3_small",
  strides: [2, 2, 1, 2, 1, 1, 1, 1, 2, 1, 1],
  rectified: 3,
  stages: [1, 2, 3, 2, 3],
};

/** What the forms name otherwise. */
interface Names {
  readonly stem: Layer;
  readonly block: (index: number) => Pick<
    InvertedResidual,
    "name" | "expand" | "depthwise" | "project"
  > & {
    readonly reduce: string;
    readonly excite: string;
  };
  readonly last: Layer;
}

/** What files of one form and with the same tensors do otherwise. */
interface Variant {
  /** Of all layers but those that have rectifiers in every one. */
  readonly activation: "hard-swish" | "relu";
  readonly padding?: "same" | undefined;
}

/** MobileNetV3 (Howard et al., ICCV 2019) up to its last map. */
function drawBody(
  net: Drawing,
  { rectified, strides }: Member,
  names: Names,
  { activation: usual, padding }: Variant,
): ValueId {
  const image = net.image(names.stem[0], { usual: 224 }, padding === undefined ? {} : HALVES);
  const stride = net.ask("stemStride", { asks: "the step of the stem", choices: [1, 2], usual: 2 });
  let value = layer(net, image, names.stem, { kernel: 3, stride, ...(padding && { padding }) });
  value = net.activation(value, usual, "stem");
  for (const [index, step] of strides.entries()) {
    const { excite, reduce, ...block } = names.block(index);
    const squeeze = net.has(`${reduce}.weight`)
      ? ({ reduce, expand: excite, activation: "relu", gate: "hard-sigmoid" } as const)
      : undefined;
    const activation = index < rectified ? "relu" : usual;
    value = invertedResidual(net, value, { ...block, squeeze, stride: step, activation, padding });
  }
  return net.activation(layer(net, value, names.last, { kernel: 1 }), usual, "last");
}

function drawTorchvision(net: Drawing): Drawn {
  const member =
    net.has("features.16.0.weight") || net.has("features.15.block.0.0.weight") ? LARGE : SMALL;
  const end = member.strides.length + 1;
  const names: Names = {
    stem: ["features.0.0", "features.0.1"],
    block: (index) => {
      const name = `features.${index + 1}.block`;
      const at = (i: number): Layer => [`${name}.${i}.0`, `${name}.${i}.1`];
      // The first convolution is depthwise where nothing is expanded.
      const expands = net.told(`${name}.0.0.weight`)?.[1] !== 1;
      const depthwise = expands ? 1 : 0;
      const squeeze = `${name}.${depthwise + 1}`;
      const hasSqueeze = net.has(`${squeeze}.fc1.weight`);
      return {
        name,
        expand: expands ? at(0) : undefined,
        depthwise: at(depthwise),
        reduce: `${squeeze}.fc1`,
        excite: `${squeeze}.fc2`,
        project: at(depthwise + (hasSqueeze ? 2 : 1)),
      };
    },
    last: [`features.${end}.0`, `features.${end}.1`],
  };
  const value = drawBody(net, member, names, { activation: "hard-swish" });
  const hidden = net.linear(net.globalPool(value), "classifier.0");
  const features = net.activation(hidden, "hard-swish", "classifier.1");
  return net.finish(member.name, net.linear(features, "classifier.3", { output: "logits" }));
}

function drawTimm(net: Drawing): Drawn {
  const convPadding = net.ask("convPadding", {
    asks: "whether convolutions are padded alike on all sides (timm's `mobilenetv3_`) or as TensorFlow does (`tf_mobilenetv3_`)",
    choices: ["symmetric", "same"],
    usual: "symmetric",
  });
  const padding = convPadding === "same" ? convPadding : undefined;
  net.norms({ epsilon: padding === undefined ? 1e-5 : 1e-3 });
  // The minimal ones, without squeeze and excitation, have rectifiers in all layers.
  const isMinimal = !net.has("blocks.2.0.se.conv_reduce.weight");
  const activation = isMinimal ? "relu" : "hard-swish";
  const member = net.has("blocks.6.0.conv.weight") ? LARGE : SMALL;
  const blockNames = member.stages.flatMap((blocks, stage) =>
    Array.from({ length: blocks }, (_, index) => `blocks.${stage}.${index}`),
  );
  const end = `blocks.${member.stages.length}.0`;
  const names: Names = {
    stem: ["conv_stem", "bn1"],
    block: (index) => {
      const name = blockNames[index]!;
      return {
        name,
        ...timmLayers(net, name),
        reduce: `${name}.se.conv_reduce`,
        excite: `${name}.se.conv_expand`,
      };
    },
    last: [`${end}.conv`, `${end}.bn1`],
  };
  const value = drawBody(net, member, names, { activation, padding });
  const pooled = net.adaptivePool(value, 1, "pool");
  const head = net.conv(pooled, "conv_head", { kernel: 1, bias: true });
  const features = net.flatten(net.activation(head, activation, "head"));
  return net.finish(member.name, net.linear(features, "classifier", { output: "logits" }));
}

export const mobilenetV3Family: Family = {
  title: "MobileNetV3",
  members: ["MobileNetV3-Small and -Large of any width"],
  forms: [
    {
      origin: "torchvision",
      rewrites: [],
      marks: [
        "features.0.0.weight",
        "features.1.block.0.0.weight",
        "features.4.block.2.fc1.weight",
        "features.11.block.3.0.weight",
        "classifier.0.weight",
        "classifier.3.weight",
      ],
      draw: (net) => {
        net.norms({ epsilon: 1e-3, momentum: 0.01 });
        return drawTorchvision(net);
      },
    },
    {
      origin: "timm",
      rewrites: [],
      marks: [
        "conv_stem.weight",
        "blocks.0.0.conv_dw.weight",
        "blocks.1.0.conv_pwl.weight",
        "blocks.2.0.se.conv_reduce.weight",
        "conv_head.bias",
        "classifier.weight",
      ],
      draw: drawTimm,
    },
  ],
};
