import type { Drawing } from "../drawing.ts";
import type { Drawn } from "../drawn.ts";
import type { ValueId } from "../graph.ts";
import type { Family, Form } from "./family.ts";
import type { Member } from "./members.ts";
import { pooledFor } from "./pooled-head.ts";

/** Blocks of each stage. Bottlenecks expand to four times their width. */
const BASIC: readonly Member[] = [
  { name: "resnet18", blocks: [2, 2, 2, 2] },
  { name: "resnet34", blocks: [3, 4, 6, 3] },
];
const BOTTLENECK: readonly Member[] = [
  { name: "resnet50", blocks: [3, 4, 6, 3] },
  { name: "resnet101", blocks: [3, 4, 23, 3] },
  { name: "resnet152", blocks: [3, 8, 36, 3] },
];

/** Channels of the stem where nothing tells them. */
const USUAL_WIDTH = 64;

/**
 * ResNets of four stages (He et al. 2016) behind a 7×7 stem with max-pool, as for ImageNet, or a 3×3
 * one, as for CIFAR-10. In bottlenecks the 3×3 convolution has the stride, as everybody has it since
 * torchvision; grouped ones (ResNeXt) and wide ones are told by shapes.
 */
export function drawResnet(net: Drawing, width: number | undefined, asksPool: boolean): Drawn {
  const stemKernel = net.told("conv1.weight")?.[2] === 7 ? 7 : 3;
  const told = net.told("conv1.weight") ?? net.told("bn1.weight");
  const stemOut = told?.[0] ?? width ?? USUAL_WIDTH;
  let value = net.image("conv1", { usual: stemKernel === 7 ? 224 : 32 });
  net.norms({ epsilon: 1e-5 });
  const stride = net.ask("stemStride", {
    asks: "the step of the stem",
    tried: [1, 2],
    usual: stemKernel === 7 ? 2 : 1,
  });
  const asks = `whether a max-pool stands behind the ${stemKernel}×${stemKernel} stem`;
  const choices = ["none", "max"] as const;
  const usual = stemKernel === 7 ? "max" : "none";
  const pool = net.ask("stemPool", {
    asks,
    choices,
    ...(!asksPool || stemKernel === 7 ? { usual } : {}),
  });
  value = net.conv(value, "conv1", { kernel: stemKernel, stride, out: stemOut });
  value = net.relu(net.batchNorm(value, "bn1"), "relu1");
  if (pool === "max") value = net.maxPool(value, 3, 2, 1, "maxpool");

  const isBottleneck = net.has("layer1.0.conv3.weight");
  const found = [1, 2, 3, 4].map((stage) => net.count((i) => `layer${stage}.${i}.conv1.weight`));
  const member = net.nearest(isBottleneck ? BOTTLENECK : BASIC, found);
  for (const [stage, blocks] of member.blocks.entries()) {
    for (let block = 0; block < blocks; block++) {
      const name = `layer${stage + 1}.${block}`;
      const step = stage > 0 && block === 0 ? 2 : 1;
      const inner = stemOut * 2 ** stage;
      value = isBottleneck
        ? bottleneck(net, value, name, inner, step)
        : basicBlock(net, value, name, inner, step);
    }
  }
  return net.finish(
    member.name,
    net.linear(pooledFor(net, value, "fc"), "fc", { output: "logits" }),
  );
}

function basicBlock(
  net: Drawing,
  input: ValueId,
  name: string,
  out: number,
  stride: number,
): ValueId {
  let main = net.conv(input, `${name}.conv1`, { kernel: 3, stride, out });
  main = net.relu(net.batchNorm(main, `${name}.bn1`), `${name}.relu1`);
  main = net.conv(main, `${name}.conv2`, { kernel: 3, out });
  main = net.batchNorm(main, `${name}.bn2`);
  return residual(net, input, main, name, stride, "relu2");
}

function bottleneck(
  net: Drawing,
  input: ValueId,
  name: string,
  inner: number,
  stride: number,
): ValueId {
  let main = net.conv(input, `${name}.conv1`, { kernel: 1, out: inner });
  main = net.relu(net.batchNorm(main, `${name}.bn1`), `${name}.relu1`);
  main = net.conv(main, `${name}.conv2`, { kernel: 3, stride, out: inner, groups: "told" });
  main = net.relu(net.batchNorm(main, `${name}.bn2`), `${name}.relu2`);
  main = net.conv(main, `${name}.conv3`, { kernel: 1, out: 4 * inner });
  main = net.batchNorm(main, `${name}.bn3`);
  return residual(net, input, main, name, stride, "relu3");
}

function residual(
  net: Drawing,
  input: ValueId,
  main: ValueId,
  name: string,
  stride: number,
  relu: string,
): ValueId {
  let shortcut = input;
  const out = net.channels(main);
  if (stride !== 1 || net.channels(input) !== out) {
    shortcut = net.conv(input, `${name}.shortcut.0`, { kernel: 1, stride, out });
    shortcut = net.batchNorm(shortcut, `${name}.shortcut.1`);
  }
  return net.relu(net.add(main, shortcut, `${name}.sum`), `${name}.${relu}`);
}

/** @param asksPool whether files of this origin come with and without a max-pool behind a 3×3 stem */
function form(origin: string, rewrites: Form["rewrites"], asksPool: boolean): Form {
  return {
    origin,
    rewrites,
    marks: [
      "conv1.weight",
      "bn1.weight",
      "layer1.0.conv1.weight",
      "layer2.0.shortcut.0.weight",
      "layer4.0.conv1.weight",
      "layer4.0.shortcut.1.weight",
      "fc.weight",
    ],
    draw: (net) => drawResnet(net, undefined, asksPool),
  };
}

export const resnetFamily: Family = {
  title: "ResNet",
  members: ["ResNet-18, -34, -50, -101, -152", "ResNeXt", "Wide ResNet-50, -101"],
  forms: [
    form("the BCU release", [], false),
    form("pytorch-cifar", [[/^fc\./, "linear."]], false),
    form("torchvision and timm", [[/\.shortcut\./, ".downsample."]], true),
    form(
      "TrojanZoo",
      [
        [/^(conv1|bn1|layer\d)\./, "features.$1."],
        [/\.shortcut\./, ".downsample."],
        [/^fc\./, "classifier.fc."],
      ],
      false,
    ),
    form(
      "weiaicunzai's pytorch-cifar100",
      [
        [/^conv1\./, "conv1.0."],
        [/^bn1\./, "conv1.1."],
        [/^layer1\./, "conv2_x."],
        [/^layer2\./, "conv3_x."],
        [/^layer3\./, "conv4_x."],
        [/^layer4\./, "conv5_x."],
        [/\.conv1\./, ".residual_function.0."],
        [/\.bn1\./, ".residual_function.1."],
        [/\.conv2\./, ".residual_function.3."],
        [/\.bn2\./, ".residual_function.4."],
        [/\.conv3\./, ".residual_function.6."],
        [/\.bn3\./, ".residual_function.7."],
      ],
      false,
    ),
    form(
      "Hugging Face",
      [
        [/^conv1\./, "resnet.embedder.embedder.convolution."],
        [/^bn1\./, "resnet.embedder.embedder.normalization."],
        [/^layer1\./, "resnet.encoder.stages.0.layers."],
        [/^layer2\./, "resnet.encoder.stages.1.layers."],
        [/^layer3\./, "resnet.encoder.stages.2.layers."],
        [/^layer4\./, "resnet.encoder.stages.3.layers."],
        [/\.shortcut\.0\./, ".shortcut.convolution."],
        [/\.shortcut\.1\./, ".shortcut.normalization."],
        [/\.conv1\./, ".layer.0.convolution."],
        [/\.bn1\./, ".layer.0.normalization."],
        [/\.conv2\./, ".layer.1.convolution."],
        [/\.bn2\./, ".layer.1.normalization."],
        [/\.conv3\./, ".layer.2.convolution."],
        [/\.bn3\./, ".layer.2.normalization."],
        [/^fc\./, "classifier.1."],
      ],
      true,
    ),
  ],
};
