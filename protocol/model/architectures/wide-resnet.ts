import type { Drawing } from "../drawing.ts";
import type { Drawn } from "../drawn.ts";
import type { ValueId } from "../graph.ts";
import type { Family } from "./family.ts";
import type { Member } from "./members.ts";
import { pooledFor } from "./pooled-head.ts";

/** WRN-16 to WRN-40: 6n + 4 layers. */
const MEMBERS: readonly Member[] = [2, 3, 4, 5, 6].map((blocks) => ({
  name: `wideresnet${6 * blocks + 4}`,
  blocks: [blocks, blocks, blocks],
}));

/** What implementations in the field do otherwise. */
interface Dialect {
  readonly blockName: (stage: number, index: number) => string;
  readonly shortcut: string;
  readonly head: string;
  readonly bias: boolean;
  /** Which of a block's convolutions has the stride. */
  readonly strided: 1 | 2;
  /** What a shortcut that changes its shape reads. */
  readonly shortcutReads: "normalised" | "input";
}

const XTERNALZ: Dialect = {
  blockName: (stage, index) => `block${stage}.layer.${index}`,
  shortcut: "convShortcut",
  head: "fc",
  bias: false,
  strided: 1,
  shortcutReads: "normalised",
};

const MELIKETOY: Dialect = {
  blockName: (stage, index) => `layer${stage}.${index}`,
  shortcut: "shortcut.0",
  head: "linear",
  bias: true,
  strided: 2,
  shortcutReads: "input",
};

const WEIAICUNZAI: Dialect = { ...MELIKETOY, strided: 1 };

/** Wide residual networks (Zagoruyko & Komodakis, BMVC 2016) for 32×32 images. */
function drawWideResnet(net: Drawing, dialect: Dialect): Drawn {
  const { bias, blockName, head } = dialect;
  let value = net.image("conv1", { usual: 32 });
  net.norms({ epsilon: 1e-5 });
  value = net.conv(value, "conv1", { kernel: 3, bias });
  const stem = net.channels(value);
  const found = [1, 2, 3].map((stage) => net.count((i) => `${blockName(stage, i)}.conv1.weight`));
  const member = net.nearest(MEMBERS, found);
  let widening = 1;
  for (const [stage, blocks] of member.blocks.entries()) {
    for (let index = 0; index < blocks; index++) {
      const stride = stage > 0 && index === 0 ? 2 : 1;
      value = block(net, value, blockName(stage + 1, index), stride, dialect);
    }
    if (stage === 0) widening = net.channels(value) / stem;
  }
  value = net.relu(net.batchNorm(value, "bn1"), "relu");
  const logits = net.linear(pooledFor(net, value, head), head, { output: "logits" });
  return net.finish(`${member.name}-${widening}`, logits);
}

function block(
  net: Drawing,
  input: ValueId,
  name: string,
  stride: number,
  { bias, shortcut, shortcutReads, strided }: Dialect,
): ValueId {
  const strideOf = (convolution: 1 | 2): number => (convolution === strided ? stride : 1);
  const first = net.relu(net.batchNorm(input, `${name}.bn1`), `${name}.relu1`);
  let main = net.conv(first, `${name}.conv1`, { kernel: 3, bias, stride: strideOf(1) });
  main = net.relu(net.batchNorm(main, `${name}.bn2`), `${name}.relu2`);
  main = net.conv(main, `${name}.conv2`, { kernel: 3, bias, stride: strideOf(2) });
  const out = net.channels(main);
  if (stride === 1 && net.channels(input) === out) return net.add(main, input, `${name}.sum`);
  const read = shortcutReads === "input" ? input : first;
  const other = net.conv(read, `${name}.${shortcut}`, { kernel: 1, bias, stride, out });
  return net.add(main, other, `${name}.sum`);
}

export const wideResnetFamily: Family = {
  title: "WideResNet",
  members: ["WRN-16, -22, -28, -34, -40 of any width"],
  forms: [
    {
      origin: "xternalz's WideResNet-pytorch, TRADES",
      rewrites: [],
      // TRADES builds a second first stage that it never runs.
      unused: /^sub_block1\./,
      marks: [
        "conv1.weight",
        "block1.layer.0.conv1.weight",
        "block1.layer.1.bn2.weight",
        "block2.layer.0.convShortcut.weight",
        "block3.layer.0.conv2.weight",
        "fc.weight",
      ],
      draw: (net) => drawWideResnet(net, XTERNALZ),
    },
    {
      origin: "meliketoy's wide-resnet.pytorch",
      rewrites: [],
      marks: [
        "conv1.weight",
        "conv1.bias",
        "layer1.0.conv1.bias",
        "layer1.1.bn2.weight",
        "layer2.0.shortcut.0.bias",
        "layer3.0.conv2.bias",
        "linear.weight",
      ],
      draw: (net) => drawWideResnet(net, MELIKETOY),
    },
    {
      origin: "weiaicunzai's pytorch-cifar100",
      rewrites: [
        [/^conv1\./, "init_conv."],
        [/^bn1\./, "bn."],
        [/^layer1\./, "conv2."],
        [/^layer2\./, "conv3."],
        [/^layer3\./, "conv4."],
        [/\.bn1\./, ".residual.0."],
        [/\.conv1\./, ".residual.2."],
        [/\.bn2\./, ".residual.3."],
        [/\.conv2\./, ".residual.6."],
      ],
      marks: [
        "conv1.weight",
        "conv1.bias",
        "layer1.0.conv1.bias",
        "layer2.0.shortcut.0.bias",
        "layer3.0.conv2.bias",
        "bn1.weight",
        "linear.weight",
      ],
      draw: (net) => drawWideResnet(net, WEIAICUNZAI),
    },
  ],
};
