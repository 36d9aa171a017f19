import type { Drawing } from "../drawing.ts";
import type { Drawn } from "../drawn.ts";
import type { ValueId } from "../graph.ts";
import type { Family } from "./family.ts";
import type { Member } from "./members.ts";
import { pooledFor } from "./pooled-head.ts";

const BASIC: readonly Member[] = [
  { name: "preactresnet18", blocks: [2, 2, 2, 2] },
  { name: "preactresnet34", blocks: [3, 4, 6, 3] },
];
const BOTTLENECK: readonly Member[] = [
  { name: "preactresnet50", blocks: [3, 4, 6, 3] },
  { name: "preactresnet101", blocks: [3, 4, 23, 3] },
];

/** What implementations in the field do otherwise. */
interface Dialect {
  readonly bias: boolean;
  /** Whether norm and rectifier follow the stem. */
  readonly normsStem: boolean;
  readonly shortcut: string;
  /** What a shortcut that changes its shape reads. */
  readonly shortcutReads: "normalised" | "input";
  /** Which of a bottleneck's convolutions has the stride. */
  readonly strided: 1 | 2;
}

const KUANGLIU: Dialect = {
  bias: false,
  normsStem: false,
  shortcut: "shortcut.0",
  shortcutReads: "normalised",
  strided: 2,
};

const WEIAICUNZAI: Dialect = {
  bias: true,
  normsStem: true,
  shortcut: "shortcut",
  shortcutReads: "input",
  strided: 1,
};

/**
 * ResNets with norm and rectifier before each convolution (He et al., ECCV 2016) behind a bare 3×3 stem,
 * as in pytorch-cifar and BackdoorBench. Some have a last norm, `bn`, before the pooling.
 */
function drawPreActResnet(net: Drawing, dialect: Dialect): Drawn {
  const { bias, normsStem } = dialect;
  let value = net.image("conv1", { usual: 32 });
  net.norms({ epsilon: 1e-5 });
  value = net.conv(value, "conv1", { kernel: 3, bias });
  if (normsStem) value = net.relu(net.batchNorm(value, "bn1"), "relu1");
  const isBottleneck = net.has("layer1.0.conv3.weight");
  const found = [1, 2, 3, 4].map((stage) => net.count((i) => `layer${stage}.${i}.conv1.weight`));
  const member = net.nearest(isBottleneck ? BOTTLENECK : BASIC, found);
  for (const [stage, blocks] of member.blocks.entries()) {
    for (let index = 0; index < blocks; index++) {
      const stride = stage > 0 && index === 0 ? 2 : 1;
      value = block(net, value, `layer${stage + 1}.${index}`, { stride, isBottleneck }, dialect);
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
  { isBottleneck, stride }: { readonly stride: number; readonly isBottleneck: boolean },
  { bias, shortcut: shortcutName, shortcutReads, strided }: Dialect,
): ValueId {
  const channels = net.channels(input);
  const first = net.relu(net.batchNorm(input, `${name}.bn1`), `${name}.relu1`);
  const kernels = isBottleneck ? [1, 3, 1] : [3, 3];
  let main = first;
  for (const [index, kernel] of kernels.entries()) {
    const at = index + 1;
    if (index > 0) main = net.relu(net.batchNorm(main, `${name}.bn${at}`), `${name}.relu${at}`);
    const isStrided = at === (isBottleneck ? strided : 1);
    main = net.conv(main, `${name}.conv${at}`, { kernel, bias, stride: isStrided ? stride : 1 });
  }
  const out = net.channels(main);
  if (stride === 1 && channels === out) return net.add(main, input, `${name}.sum`);
  const read = shortcutReads === "input" ? input : first;
  const shortcut = net.conv(read, `${name}.${shortcutName}`, { kernel: 1, bias, stride, out });
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
      draw: (net) => drawPreActResnet(net, KUANGLIU),
    },
    {
      origin: "weiaicunzai's pytorch-cifar100",
      rewrites: [
        [/^conv1\./, "pre.0."],
        [/^bn1\./, "pre.1."],
        [/^layer(\d)\./, "stage$1."],
        [/\.bn1\./, ".residual.0."],
        [/\.conv1\./, ".residual.2."],
        [/\.bn2\./, ".residual.3."],
        [/\.conv2\./, ".residual.5."],
        [/\.bn3\./, ".residual.6."],
        [/\.conv3\./, ".residual.8."],
      ],
      marks: [
        "conv1.weight",
        "bn1.weight",
        "layer1.0.bn1.weight",
        "layer1.0.conv1.bias",
        "layer2.0.shortcut.bias",
        "layer4.1.bn2.weight",
        "linear.weight",
      ],
      draw: (net) => drawPreActResnet(net, WEIAICUNZAI),
    },
  ],
};
