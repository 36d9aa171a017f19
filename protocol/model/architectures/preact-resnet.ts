import type { Drawing, Drawn } from "../drawing.ts";
import type { ValueId } from "../graph.ts";
import type { Family } from "./family.ts";
import { nearestMember, type Member } from "./members.ts";
import { pooledFor } from "./pooled-head.ts";

const BASIC: readonly Member[] = [
  { name: "preactresnet18", blocks: [2, 2, 2, 2] },
  { name: "preactresnet34", blocks: [3, 4, 6, 3] },
];
const BOTTLENECK: readonly Member[] = [
  { name: "preactresnet50", blocks: [3, 4, 6, 3] },
  { name: "preactresnet101", blocks: [3, 4, 23, 3] },
];

/**
 * ResNets with norm and rectifier before each convolution (He et al., ECCV 2016) behind a bare 3×3 stem,
 * as in pytorch-cifar and BackdoorBench. A shortcut that changes its shape is a convolution of the
 * normalised value. Some have a last norm, `bn`, before the pooling.
 */
function drawPreActResnet(net: Drawing): Drawn {
  let value = net.image("conv1", { usual: 32 });
  net.norms({ epsilon: 1e-5 });
  value = net.conv(value, "conv1", { kernel: 3 });
  const isBottleneck = net.has("layer1.0.conv3.weight");
  const found = [1, 2, 3, 4].map((stage) => net.count((i) => `layer${stage}.${i}.conv1.weight`));
  const member = nearestMember(isBottleneck ? BOTTLENECK : BASIC, found);
  for (const [stage, blocks] of member.blocks.entries()) {
    for (let index = 0; index < blocks; index++) {
      const stride = stage > 0 && index === 0 ? 2 : 1;
      value = block(net, value, `layer${stage + 1}.${index}`, stride, isBottleneck);
    }
  }
  if (net.has("bn.weight")) value = net.relu(net.batchNorm(value, "bn"), "relu");
  const pooled = pooledFor(net, value, "linear");
  return net.finish(member.name, net.linear(pooled, "linear", { output: "logits" }));
}

function block(
  net: Drawing,
  input: ValueId,
  name: string,
  stride: number,
  isBottleneck: boolean,
): ValueId {
  const channels = net.channels(input);
  const first = net.relu(net.batchNorm(input, `${name}.bn1`), `${name}.relu1`);
  const kernels = isBottleneck ? [1, 3, 1] : [3, 3];
  let main = first;
  for (const [index, kernel] of kernels.entries()) {
    const at = index + 1;
    if (index > 0) main = net.relu(net.batchNorm(main, `${name}.bn${at}`), `${name}.relu${at}`);
    const isStrided = index === (isBottleneck ? 1 : 0);
    main = net.conv(main, `${name}.conv${at}`, { kernel, stride: isStrided ? stride : 1 });
  }
  const out = net.channels(main);
  const shortcut =
    stride === 1 && channels === out
      ? input
      : net.conv(first, `${name}.shortcut.0`, { kernel: 1, stride, out });
  return net.add(main, shortcut, `${name}.sum`);
}

export const preActResnetFamily: Family = {
  title: "PreActResNet",
  members: ["PreActResNet-18, -34, -50, -101 (with and without a last norm)"],
  forms: [
    {
      origin: "pytorch-cifar and BackdoorBench",
      rewrites: [],
      marks: [
        "conv1.weight",
        "layer1.0.bn1.weight",
        "layer1.0.conv1.weight",
        "layer2.0.shortcut.0.weight",
        "layer4.1.bn2.weight",
        "linear.weight",
      ],
      draw: drawPreActResnet,
    },
  ],
};
