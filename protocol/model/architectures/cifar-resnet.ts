import type { Drawing } from "../drawing.ts";
import type { Drawn } from "../drawn.ts";
import type { ValueId } from "../graph.ts";
import type { Family, Form } from "./family.ts";
import type { Member } from "./members.ts";
import { pooledFor } from "./pooled-head.ts";

const MEMBERS: readonly Member[] = [3, 5, 7, 9, 18].map((blocks) => ({
  name: `resnet${6 * blocks + 2}`,
  blocks: [blocks, blocks, blocks],
}));

/**
 * ResNets of three stages for CIFAR-10 (He et al. 2016, section 4.2). A shortcut that changes its shape
 * is a convolution (option B), or, where the file has none, every other row and column with channels of
 * zeros (option A).
 *
 * @param padding where files of this origin have those zeros; undefined where both occur
 */
function drawCifarResnet(net: Drawing, padding: "both" | undefined): Drawn {
  // akamaster's are trained with ImageNet's mean and std, others of these names with CIFAR-10's.
  const isNamedAlike = padding !== undefined;
  let value = net.image("conv1", { usual: 32 }, isNamedAlike ? { pixels: "asked" } : {});
  net.norms({ epsilon: 1e-5 });
  value = net.relu(net.batchNorm(net.conv(value, "conv1", { kernel: 3 }), "bn1"), "relu1");
  const found = [1, 2, 3].map((stage) => net.count((i) => `layer${stage}.${i}.conv1.weight`));
  const member = net.nearest(MEMBERS, found);
  const zeros = net.has("layer2.0.shortcut.0.weight")
    ? undefined
    : net.ask("shortcutPadding", {
        asks: "whether shortcuts get their channels of zeros on both sides or after their own",
        choices: ["both", "after"],
        ...(padding === undefined ? {} : { usual: padding }),
      });
  for (const [stage, blocks] of member.blocks.entries()) {
    for (let index = 0; index < blocks; index++) {
      const name = `layer${stage + 1}.${index}`;
      value = block(net, value, name, stage > 0 && index === 0 ? 2 : 1, zeros);
    }
  }
  return net.finish(
    member.name,
    net.linear(pooledFor(net, value, "fc"), "fc", { output: "logits" }),
  );
}

function block(
  net: Drawing,
  input: ValueId,
  name: string,
  stride: number,
  zeros: "both" | "after" | undefined,
): ValueId {
  const channels = net.channels(input);
  const out = stride === 1 ? channels : 2 * channels;
  let main = net.conv(input, `${name}.conv1`, { kernel: 3, stride, out });
  main = net.relu(net.batchNorm(main, `${name}.bn1`), `${name}.relu1`);
  main = net.batchNorm(net.conv(main, `${name}.conv2`, { kernel: 3, out }), `${name}.bn2`);
  let shortcut = input;
  const more = net.channels(main) - channels;
  if (stride !== 1 || more !== 0) {
    if (zeros === undefined) {
      shortcut = net.conv(input, `${name}.shortcut.0`, { kernel: 1, stride, out });
      shortcut = net.batchNorm(shortcut, `${name}.shortcut.1`);
    } else {
      const before = zeros === "both" ? Math.floor(more / 2) : 0;
      shortcut = net.averagePool(input, 1, `${name}.rows`, stride);
      shortcut = net.padChannels(shortcut, before, more - before, `${name}.shortcut`);
    }
  }
  return net.relu(net.add(main, shortcut, `${name}.sum`), `${name}.relu2`);
}

function form(origin: string, rewrites: Form["rewrites"], padding?: "both"): Form {
  return {
    origin,
    rewrites,
    marks: [
      "conv1.weight",
      "bn1.weight",
      "layer1.0.conv1.weight",
      "layer2.0.conv1.weight",
      "layer3.0.conv1.weight",
      "fc.weight",
    ],
    draw: (net) => drawCifarResnet(net, padding),
  };
}

export const cifarResnetFamily: Family = {
  title: "CIFAR ResNet",
  members: ["ResNet-20, -32, -44, -56, -110 (shortcuts of option A and B)"],
  forms: [
    form("akamaster's pytorch_resnet_cifar10", [[/^fc\./, "linear."]], "both"),
    form("others with the head `fc`", []),
    form("others with `downsample`", [[/\.shortcut\./, ".downsample."]]),
  ],
};
