import type { Drawing } from "../drawing.ts";
import type { Drawn } from "../drawn.ts";
import type { Activation, ValueId } from "../graph.ts";
import type { SeenOtherwise } from "../preprocessing-defaults.ts";
import type { Family, Form } from "./family.ts";
import type { Member } from "./members.ts";

/** Those with 27 blocks in the third stage differ in width alone. */
const MEMBERS: readonly Member[] = [
  { name: "convnext_tiny", blocks: [3, 3, 9, 3] },
  { name: "convnext_small", blocks: [3, 3, 27, 3] },
];
const WIDE = new Map([
  [128, "convnext_base"],
  [192, "convnext_large"],
]);

/** Side of the stem's kernel, and its step. */
const PATCH = 4;

/** What forms do otherwise. */
interface Dialect {
  readonly seen: SeenOtherwise;
  /** Of the norm before the head, where it has one of its own. */
  readonly lastEpsilon?: number;
}

/** The release's, timm's and Hugging Face's. */
const BICUBIC: SeenOtherwise = { interpolation: "bicubic" };

/** To 236 pixels, of which the middle 224. */
const TORCHVISION: SeenOtherwise = { crop: 224 / 236 };

/**
 * ConvNeXts (Liu et al., CVPR 2022) under the names of the paper's release: a 7×7 depthwise convolution,
 * a layer norm, two linear layers of every position (in some files 1×1 convolutions) and a layer scale.
 */
function drawConvnext(net: Drawing, { lastEpsilon, seen }: Dialect): Drawn {
  let value = net.image("downsample_layers.0.0", { usual: 224 }, seen);
  net.norms({ epsilon: 1e-6 });
  const activation = net.ask("activation", {
    asks: "which GELU it has",
    choices: ["gelu", "gelu-tanh"],
    usual: "gelu",
  });
  const found = [0, 1, 2, 3].map((stage) => net.count((i) => `stages.${stage}.${i}.dwconv.weight`));
  const member = net.nearest(MEMBERS, found);
  for (const [stage, blocks] of member.blocks.entries()) {
    const name = `downsample_layers.${stage}`;
    if (stage === 0) {
      const stem = { kernel: PATCH, stride: PATCH, padding: 0, bias: true };
      value = net.layerNorm(net.conv(value, `${name}.0`, stem), `${name}.1`);
    } else {
      value = net.layerNorm(value, `${name}.0`);
      value = net.conv(value, `${name}.1`, { kernel: 2, stride: 2, padding: 0, bias: true });
    }
    for (let index = 0; index < blocks; index++) {
      value = block(net, value, `stages.${stage}.${index}`, activation);
    }
  }
  value = net.layerNorm(net.globalPool(value), "norm", lastEpsilon);
  const width = net.told("downsample_layers.0.0.weight")?.[0] ?? 0;
  const name = member.blocks[2] === 27 ? (WIDE.get(width) ?? member.name) : member.name;
  return net.finish(name, net.linear(value, "head", { output: "logits" }));
}

function block(net: Drawing, input: ValueId, name: string, activation: Activation): ValueId {
  let value = net.conv(input, `${name}.dwconv`, { kernel: 7, groups: "depthwise", bias: true });
  value = net.layerNorm(value, `${name}.norm`);
  value = pointwise(net, value, `${name}.pwconv1`);
  value = net.activation(value, activation, `${name}.act`);
  value = pointwise(net, value, `${name}.pwconv2`);
  if (net.has(`${name}.gamma`)) value = net.scale(value, `${name}.gamma`, `${name}.scaled`);
  return net.add(value, input, `${name}.sum`);
}

/** A linear layer of every position, stored as one or as a 1×1 convolution. */
function pointwise(net: Drawing, input: ValueId, name: string): ValueId {
  return net.told(`${name}.weight`)?.length === 4
    ? net.conv(input, name, { kernel: 1, bias: true })
    : net.linear(input, name);
}

function form(origin: string, rewrites: Form["rewrites"], dialect: Dialect): Form {
  return {
    origin,
    rewrites,
    marks: [
      "downsample_layers.0.0.weight",
      "downsample_layers.0.1.weight",
      "stages.0.0.dwconv.weight",
      "downsample_layers.3.1.weight",
      "stages.3.0.pwconv2.weight",
      "norm.weight",
      "head.weight",
    ],
    draw: (net) => drawConvnext(net, dialect),
  };
}

export const convnextFamily: Family = {
  title: "ConvNeXt",
  members: ["ConvNeXt-T, -S, -B, -L"],
  forms: [
    form("the paper's release", [], { seen: BICUBIC }),
    form(
      "timm",
      [
        [/^downsample_layers\.0\./, "stem."],
        [/^downsample_layers\.(\d)\./, "stages.$1.downsample."],
        [/^stages\.(\d)\.(\d+)\./, "stages.$1.blocks.$2."],
        [/\.dwconv\./, ".conv_dw."],
        [/\.pwconv(\d)\./, ".mlp.fc$1."],
        [/^norm\./, "head.norm."],
        [/^head\.(weight|bias)$/, "head.fc.$1"],
      ],
      { seen: BICUBIC },
    ),
    form(
      "torchvision",
      [
        [/^downsample_layers\.0\./, "features.0."],
        [/^downsample_layers\.1\./, "features.2."],
        [/^downsample_layers\.2\./, "features.4."],
        [/^downsample_layers\.3\./, "features.6."],
        [/^stages\.0\.(\d+)\./, "features.1.$1."],
        [/^stages\.1\.(\d+)\./, "features.3.$1."],
        [/^stages\.2\.(\d+)\./, "features.5.$1."],
        [/^stages\.3\.(\d+)\./, "features.7.$1."],
        [/\.dwconv\./, ".block.0."],
        [/^(features\.[1357]\.\d+)\.norm\./, "$1.block.2."],
        [/\.pwconv1\./, ".block.3."],
        [/\.pwconv2\./, ".block.5."],
        [/\.gamma$/, ".layer_scale"],
        [/^norm\./, "classifier.0."],
        [/^head\./, "classifier.2."],
      ],
      { seen: TORCHVISION },
    ),
    form(
      "Hugging Face",
      [
        [/^downsample_layers\.0\.0\./, "convnext.embeddings.patch_embeddings."],
        [/^downsample_layers\.0\.1\./, "convnext.embeddings.layernorm."],
        [/^downsample_layers\.(\d)\./, "convnext.encoder.stages.$1.downsampling_layer."],
        [/^stages\.(\d)\.(\d+)\.norm\./, "stages.$1.$2.layernorm."],
        [/^stages\.(\d)\.(\d+)\./, "convnext.encoder.stages.$1.layers.$2."],
        [/\.gamma$/, ".layer_scale_parameter"],
        [/^norm\./, "convnext.layernorm."],
        [/^head\./, "classifier."],
      ],
      { seen: BICUBIC, lastEpsilon: 1e-12 },
    ),
  ],
};
