import type { Drawing } from "../drawing.ts";
import type { Drawn } from "../drawn.ts";
import type { ValueId } from "../graph.ts";
import type { Family } from "./family.ts";

/** Convolutions before each max-pool. */
const MEMBERS = [
  { name: "vgg11", stages: [1, 1, 2, 2, 2] },
  { name: "vgg13", stages: [2, 2, 2, 2, 2] },
  { name: "vgg16", stages: [2, 2, 3, 3, 3] },
  { name: "vgg19", stages: [2, 2, 4, 4, 4] },
] as const;

/** Side of the map that torchvision's adaptive pooling gives its classifier, whatever it reads. */
const ADAPTED = 7;

/** How much five max-pools shrink an image. */
const SHRINKING = 32;

/**
 * VGGs (Simonyan & Zisserman 2015), with and without batch norm. Layers are numbered through, so the
 * names themselves tell which member it is.
 *
 * @param heads names of the linear layers, the last one of the classes
 * @param classify what follows the last map; flattening it and the linear layers, when left out
 */
function drawVgg(
  net: Drawing,
  heads: readonly string[],
  classify?: (value: ValueId) => ValueId,
): Drawn {
  const isNormed = net.has("features.1.running_mean");
  const step = isNormed ? 3 : 2;
  // A member with a convolution more numbers all that follows otherwise: the one of which most is there.
  const member = MEMBERS.reduce((best, one) =>
    convolutionsThere(net, one.stages, step) > convolutionsThere(net, best.stages, step)
      ? one
      : best,
  );
  const { name, stages } = member;
  const last = weights(stages, step).at(-1)!;
  const channels = net.told(`features.${last}.weight`)?.[0] ?? 1;
  const [, features = channels, kernel] = net.told(`${heads[0]}.weight`) ?? [];
  const adapts = features === ADAPTED * ADAPTED * channels || kernel === ADAPTED;
  const side = Math.sqrt(features / channels);
  const usual = adapts ? SHRINKING * ADAPTED : SHRINKING * Math.max(1, Math.floor(side));
  let value = net.image("features.0", { usual });
  if (isNormed) net.norms({ epsilon: 1e-5 });
  let index = 0;
  for (const [stage, convolutions] of stages.entries()) {
    for (let layer = 0; layer < convolutions; layer++) {
      const bias = net.has(`features.${index}.bias`);
      value = net.conv(value, `features.${index}`, { kernel: 3, bias });
      if (isNormed) value = net.batchNorm(value, `features.${index + 1}`);
      value = net.relu(value, `features.${index + step - 1}`);
      index += step;
    }
    value = net.maxPool(value, 2, 2, 0, `pool${stage + 1}`);
    index++;
  }
  const known = isNormed ? `${name}_bn` : name;
  if (classify !== undefined) return net.finish(known, classify(value));
  value = flattened(net, value, features);
  for (const [layer, head] of heads.entries()) {
    const isLast = layer === heads.length - 1;
    value = net.linear(value, head, isLast ? { output: "logits" } : {});
    if (!isLast) value = net.relu(value, `${head}.relu`);
  }
  return net.finish(known, value);
}

function flattened(net: Drawing, value: ValueId, features: number): ValueId {
  const [height, width, channels] = net.shape(value) as [number, number, number];
  if (features === channels) return net.globalPool(value);
  if (features === height * width * channels) return net.flatten(value);
  return net.flatten(net.adaptivePool(value, ADAPTED, "adapted"));
}

/** Timm's: the first two linear layers are convolutions, the first of the whole 7×7 map. */
function drawTimm(net: Drawing): Drawn {
  return drawVgg(net, TIMM, (value) => {
    const options = { padding: 0, bias: true };
    value = net.relu(net.conv(value, TIMM[0], options), `${TIMM[0]}.relu`);
    value = net.relu(net.conv(value, TIMM[1], options), `${TIMM[1]}.relu`);
    return net.linear(net.globalPool(value), TIMM[2], { output: "logits" });
  });
}

/** Numbers of the convolutions. */
function weights(stages: readonly number[], step: number): number[] {
  const numbers: number[] = [];
  let index = 0;
  for (const convolutions of stages) {
    for (let layer = 0; layer < convolutions; layer++, index += step) numbers.push(index);
    index++;
  }
  return numbers;
}

/** How many of a member's convolutions the file has, less those that it has besides. */
function convolutionsThere(net: Drawing, stages: readonly number[], step: number): number {
  const numbers = new Set(weights(stages, step));
  const end = Math.max(...numbers) + 3 * step;
  let there = 0;
  for (let index = 0; index < end; index++) {
    if (net.told(`features.${index}.weight`)?.length !== 4) continue;
    there += numbers.has(index) ? 1 : -1;
  }
  return there;
}

function marks(heads: readonly string[]): [string, ...string[]] {
  return [
    "features.0.weight",
    "features.0.bias",
    ...heads.map((head) => `${head}.weight`),
    `${heads[0]}.bias`,
  ];
}

const THREE = ["classifier.0", "classifier.3", "classifier.6"];
const DROPPED = ["classifier.1", "classifier.4", "classifier.6"];
const ONE = ["classifier"];
const NUMBERED = ["classifier.fc1", "classifier.fc2", "classifier.fc3"];
const TIMM = ["pre_logits.fc1", "pre_logits.fc2", "head.fc"] as const;

export const vggFamily: Family = {
  title: "VGG",
  members: ["VGG-11, -13, -16, -19, with and without batch norm"],
  forms: [
    {
      origin: "torchvision",
      rewrites: [],
      marks: marks(THREE),
      draw: (net) => drawVgg(net, THREE),
    },
    {
      origin: "chengyangfu's pytorch-vgg-cifar10",
      rewrites: [],
      marks: marks(DROPPED),
      draw: (net) => drawVgg(net, DROPPED),
    },
    { origin: "pytorch-cifar", rewrites: [], marks: marks(ONE), draw: (net) => drawVgg(net, ONE) },
    {
      origin: "TrojanZoo",
      rewrites: [],
      marks: marks(NUMBERED),
      draw: (net) => drawVgg(net, NUMBERED),
    },
    { origin: "timm", rewrites: [], marks: marks(TIMM), draw: drawTimm },
  ],
};
