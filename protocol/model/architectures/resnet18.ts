import { Drawing } from "../drawing.ts";
import type { Graph } from "../graph.ts";
import type { NamedTensor } from "../named-tensor.ts";
import { drawResnet } from "./resnet.ts";

export interface ResNet18Options {
  /** Channels of the stem and first stage; stages have width, 2·width, 4·width, 8·width. */
  readonly width: number;
  readonly classes: number;
}

/**
 * A new ResNet-18 for 32×32 RGB images: 3×3 stem, no max-pool, basic blocks 2-2-2-2
 * (He et al. 2016, in the CIFAR form that the BCU release uses, with its tensor names).
 *
 * @example
 * const graph = resnet18({ width: 64, classes: 10 }); // 11.17 million trainable values
 */
export function resnet18({ width, classes }: ResNet18Options): Graph {
  const head: NamedTensor = {
    name: "fc.weight",
    shape: [classes, 8 * width],
    values: "floats",
    dtype: "F32",
  };
  const net = new Drawing(new Map([[head.name, head]]), (name) => name, {});
  return drawResnet(net, width, false).graph;
}
