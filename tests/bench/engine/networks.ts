import { mobilenetV2Family } from "../../../protocol/model/architectures/mobilenet-v2.ts";
import { drawResnet } from "../../../protocol/model/architectures/resnet.ts";
import { resnet18 } from "../../../protocol/model/architectures/resnet18.ts";
import { vitFamily } from "../../../protocol/model/architectures/vit.ts";
import type { Family } from "../../../protocol/model/architectures/family.ts";
import { Drawing } from "../../../protocol/model/drawing.ts";
import type { Drawn } from "../../../protocol/model/drawn.ts";
import type { Graph } from "../../../protocol/model/graph.ts";

/** A network that steps are taken of. */
interface Network {
  graph(): Graph;
  /** Images a step, where nobody asks for others. */
  readonly batches: readonly number[];
}

const SMALL_CLASSES = 10;
const IMAGENET_CLASSES = 1000;

/** Named by what it is and the side of its images; ResNet-18, for images of 32, by its width. */
const NETWORKS = {
  "resnet18-8": smallResnet(8),
  "resnet18-16": smallResnet(16),
  "resnet18-64": smallResnet(64),
  "mobilenetv2-32": { graph: () => mobilenetV2("pytorch-cifar", SMALL_CLASSES), batches: [16] },
  "mobilenetv2-224": { graph: () => mobilenetV2("torchvision", IMAGENET_CLASSES), batches: [16] },
  "resnet50-224": { graph: resnet50, batches: [16] },
  "vit-tiny-224": { graph: vitTiny, batches: [16] },
} as const satisfies Record<string, Network>;

export type NetworkName = keyof typeof NETWORKS;

export const NETWORK_NAMES = Object.keys(NETWORKS) as readonly NetworkName[];

/** Drawn by the project's own families. */
export function networkGraph(name: NetworkName): Graph {
  return NETWORKS[name].graph();
}

export function usualBatches(name: NetworkName): readonly number[] {
  return NETWORKS[name].batches;
}

function smallResnet(width: number): Network {
  return { graph: () => resnet18({ width, classes: SMALL_CLASSES }), batches: [32, 128] };
}

type Shapes = Readonly<Record<string, readonly number[]>>;

/** A network of a family from those shapes that the family does not know by itself. */
function drawn(shapes: Shapes, draw: (net: Drawing) => Drawn): Graph {
  const tensors = Object.entries(shapes).map(
    ([name, shape]) => [name, { name, shape, values: "floats", dtype: "F32" }] as const,
  );
  const { graph, problem } = draw(new Drawing(new Map(tensors), (name) => name, {}));
  if (problem) throw problem;
  return graph;
}

function drawerOf({ forms, title }: Family, wanted: string): (net: Drawing) => Drawn {
  const form = forms.find(({ origin }) => origin === wanted);
  if (form === undefined) throw new RangeError(`${title} has no form of ${wanted}`);
  return (net) => form.draw(net);
}

/** Times its channels that a block expands, its channels out, and how many there are of it. */
const MOBILENET_V2 = [
  [1, 16, 1],
  [6, 24, 2],
  [6, 32, 3],
  [6, 64, 4],
  [6, 96, 3],
  [6, 160, 3],
  [6, 320, 1],
] as const;
const MOBILENET_V2_STEM = 32;
const MOBILENET_V2_LAST = 1280;

function mobilenetV2(origin: "pytorch-cifar" | "torchvision", classes: number): Graph {
  const isLarge = origin === "torchvision";
  const shapes: Record<string, readonly number[]> = isLarge
    ? {
        "features.0.0.weight": [MOBILENET_V2_STEM, 3, 3, 3],
        "features.18.0.weight": [MOBILENET_V2_LAST, 320, 1, 1],
        "classifier.1.weight": [classes, MOBILENET_V2_LAST],
      }
    : {
        "conv1.weight": [MOBILENET_V2_STEM, 3, 3, 3],
        "conv2.weight": [MOBILENET_V2_LAST, 320, 1, 1],
        "linear.weight": [classes, MOBILENET_V2_LAST],
      };
  let channels = MOBILENET_V2_STEM;
  let index = 0;
  for (const [stage, [factor, out, blocks]] of MOBILENET_V2.entries()) {
    for (let block = 0; block < blocks; block++, index++) {
      const inner = factor * channels;
      if (isLarge) {
        const name = `features.${index + 1}.conv`;
        if (factor > 1) shapes[`${name}.0.0.weight`] = [inner, channels, 1, 1];
        shapes[`${name}.${factor > 1 ? 2 : 1}.weight`] = [out, inner, 1, 1];
      } else {
        const name = `layers.${index}`;
        shapes[`${name}.conv1.weight`] = [inner, channels, 1, 1];
        shapes[`${name}.conv3.weight`] = [out, inner, 1, 1];
        // Of blocks without a stride, those that change their channels.
        const isOwn = block === 0 && [0, 1, 4, 6].includes(stage);
        if (isOwn) shapes[`${name}.shortcut.0.weight`] = [out, channels, 1, 1];
      }
      channels = out;
    }
  }
  return drawn(shapes, drawerOf(mobilenetV2Family, origin));
}

function resnet50(): Graph {
  const shapes: Record<string, readonly number[]> = {
    "conv1.weight": [64, 3, 7, 7],
    "layer1.0.conv3.weight": [256, 64, 1, 1],
    "fc.weight": [IMAGENET_CLASSES, 2048],
  };
  for (const [stage, blocks] of [3, 4, 6, 3].entries()) {
    for (let block = 0; block < blocks; block++) {
      const inner = 64 * 2 ** stage;
      const read = block > 0 ? 4 * inner : stage === 0 ? 64 : 2 * inner;
      shapes[`layer${stage + 1}.${block}.conv1.weight`] = [inner, read, 1, 1];
    }
  }
  return drawn(shapes, (net) => drawResnet(net, undefined, false));
}

function vitTiny(): Graph {
  const channels = 192;
  const blocks = Array.from({ length: 12 }, (_, i) => `blocks.${i}`);
  const shapes: Record<string, readonly number[]> = {
    "patch_embed.proj.weight": [channels, 3, 16, 16],
    pos_embed: [1, 197, channels],
    "head.weight": [IMAGENET_CLASSES, channels],
  };
  for (const name of blocks) {
    shapes[`${name}.norm1.weight`] = [channels];
    shapes[`${name}.attn.qkv.weight`] = [3 * channels, channels];
    shapes[`${name}.attn.qkv.bias`] = [3 * channels];
    shapes[`${name}.mlp.fc1.weight`] = [4 * channels, channels];
    shapes[`${name}.mlp.fc2.weight`] = [channels, 4 * channels];
  }
  return drawn(shapes, drawerOf(vitFamily, "timm"));
}
