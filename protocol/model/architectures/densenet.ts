import type { Drawing } from "../drawing.ts";
import type { Drawn } from "../drawn.ts";
import type { ValueId } from "../graph.ts";
import type { Family, Form } from "./family.ts";
import type { Member } from "./members.ts";
import { pooledFor } from "./pooled-head.ts";

const MEMBERS: readonly Member[] = [
  { name: "densenet121", blocks: [6, 12, 24, 16] },
  { name: "densenet169", blocks: [6, 12, 32, 32] },
  { name: "densenet201", blocks: [6, 12, 48, 32] },
  { name: "densenet161", blocks: [6, 12, 36, 24] },
];

/** Names of layers, and which half comes first where a layer's channels join what it read. */
interface Dialect {
  readonly layer: (block: number, index: number) => string;
  readonly norm: string;
  readonly transition: (block: number) => string;
  readonly transitionNorm: string;
  readonly lastNorm: string;
  readonly head: string;
  readonly newFirst: boolean;
}

const TORCHVISION: Dialect = {
  layer: (block, index) => `features.denseblock${block}.denselayer${index + 1}`,
  norm: "norm",
  transition: (block) => `features.transition${block}`,
  transitionNorm: "norm",
  lastNorm: "features.norm5",
  head: "classifier",
  newFirst: false,
};

const CIFAR: Dialect = {
  layer: (block, index) => `dense${block}.${index}`,
  norm: "bn",
  transition: (block) => `trans${block}`,
  transitionNorm: "bn",
  lastNorm: "bn",
  head: "linear",
  newFirst: true,
};

/** DenseNets (Huang et al., CVPR 2017): every layer reads what all before it in its block gave. */
function drawDenseBlocks(net: Drawing, input: ValueId, dialect: Dialect): Drawn {
  const { head, lastNorm, layer, transition, transitionNorm } = dialect;
  const found = [1, 2, 3, 4].map((block) => net.count((i) => `${layer(block, i)}.conv1.weight`));
  const member = net.nearest(MEMBERS, found);
  let value = input;
  for (const [index, layers] of member.blocks.entries()) {
    const block = index + 1;
    for (let i = 0; i < layers; i++) value = denseLayer(net, value, layer(block, i), dialect);
    if (block === member.blocks.length) break;
    const name = transition(block);
    value = net.relu(net.batchNorm(value, `${name}.${transitionNorm}`), `${name}.relu`);
    value = net.averagePool(net.conv(value, `${name}.conv`, { kernel: 1 }), 2, `${name}.pool`);
  }
  value = net.relu(net.batchNorm(value, lastNorm), "relu");
  return net.finish(
    member.name,
    net.linear(pooledFor(net, value, head), head, { output: "logits" }),
  );
}

function denseLayer(
  net: Drawing,
  input: ValueId,
  name: string,
  { newFirst, norm }: Dialect,
): ValueId {
  let value = net.relu(net.batchNorm(input, `${name}.${norm}1`), `${name}.relu1`);
  value = net.conv(value, `${name}.conv1`, { kernel: 1 });
  value = net.relu(net.batchNorm(value, `${name}.${norm}2`), `${name}.relu2`);
  value = net.conv(value, `${name}.conv2`, { kernel: 3 });
  return net.concat(newFirst ? [value, input] : [input, value], `${name}.concat`);
}

function drawTorchvision(net: Drawing): Drawn {
  const kernel = net.told("features.conv0.weight")?.[2] === 3 ? 3 : 7;
  if (kernel === 3 && !net.has("features.norm0.weight")) return drawCompact(net);
  const isLarge = kernel === 7;
  let value = net.image("features.conv0", { usual: isLarge ? 224 : 32 });
  net.norms({ epsilon: 1e-5 });
  const stride = net.ask("stemStride", {
    asks: "the step of the stem",
    choices: [1, 2],
    ...(isLarge ? { usual: 2 } : {}),
  });
  const pool = net.ask("stemPool", {
    asks: `whether a max-pool stands behind the ${kernel}×${kernel} stem`,
    choices: ["none", "max"],
    ...(isLarge ? { usual: "max" as const } : {}),
  });
  value = net.conv(value, "features.conv0", { kernel, stride });
  value = net.relu(net.batchNorm(value, "features.norm0"), "features.relu0");
  if (pool === "max") value = net.maxPool(value, 3, 2, 1, "features.pool0");
  return drawDenseBlocks(net, value, TORCHVISION);
}

/** TrojanZoo's for small images: nothing stands between the 3×3 stem and the blocks. */
function drawCompact(net: Drawing): Drawn {
  const image = net.image("features.conv0", { usual: 32 });
  net.norms({ epsilon: 1e-5 });
  return drawDenseBlocks(net, net.conv(image, "features.conv0", { kernel: 3 }), TORCHVISION);
}

function drawCifar(net: Drawing): Drawn {
  const image = net.image("conv1", { usual: 32 });
  net.norms({ epsilon: 1e-5 });
  return drawDenseBlocks(net, net.conv(image, "conv1", { kernel: 3 }), CIFAR);
}

function torchvision(origin: string, rewrites: Form["rewrites"]): Form {
  return {
    origin,
    rewrites,
    marks: [
      "features.conv0.weight",
      "features.norm0.weight",
      "features.denseblock1.denselayer1.norm1.weight",
      "features.transition1.conv.weight",
      "features.norm5.weight",
      "classifier.weight",
    ],
    draw: drawTorchvision,
  };
}

export const densenetFamily: Family = {
  title: "DenseNet",
  members: ["DenseNet-121, -161, -169, -201"],
  forms: [
    torchvision("torchvision, timm and TrojanZoo", []),
    torchvision("torchvision's first files", [[/\.(norm|conv)([12])\./, ".$1.$2."]]),
    {
      origin: "pytorch-cifar",
      rewrites: [],
      marks: [
        "conv1.weight",
        "dense1.0.bn1.weight",
        "dense1.0.conv2.weight",
        "trans1.conv.weight",
        "bn.weight",
        "linear.weight",
      ],
      draw: drawCifar,
    },
  ],
};
