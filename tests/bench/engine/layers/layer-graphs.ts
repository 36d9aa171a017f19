import type { Graph } from "../../../../protocol/model/graph.ts";
import type { Kernel } from "../../../../client/engine/program/kernels/kernels.ts";
import { GraphBuilder } from "../../../unit/engine/numerics/graph-builder.ts";
import { NETWORK_NAMES, networkGraph } from "../networks.ts";

/** A network whose kernels are timed one by one. */
export interface LayerCase {
  readonly title: string;
  readonly graph: Graph;
  /** Kernels that are shown. */
  readonly shown: (kind: Kernel["kind"]) => boolean;
  /** Whether kernels of a kind are one row, whatever their shapes. */
  readonly joined: boolean;
}

/** What `--layers` can be. */
export const LAYER_SETS = ["depthwise", ...NETWORK_NAMES] as const;

export type LayerSet = (typeof LAYER_SETS)[number];

export function layerCases(set: LayerSet): readonly LayerCase[] {
  if (set === "depthwise") return DEPTHWISE.map(depthwiseCase);
  return [{ title: set, graph: networkGraph(set), shown: () => true, joined: true }];
}

interface DepthwiseLayer {
  readonly network: string;
  readonly side: number;
  readonly channels: number;
  readonly kernel: number;
  readonly stride: number;
}

/** MobileNetV2's at 224 and at 32 pixels (Sandler et al. 2018), and ConvNeXt-T's first (Liu et al. 2022). */
const DEPTHWISE: readonly DepthwiseLayer[] = [
  ...(
    [
      [112, 32, 1],
      [112, 96, 2],
      [56, 144, 1],
      [56, 144, 2],
      [28, 192, 1],
      [14, 384, 1],
      [14, 576, 2],
      [7, 960, 1],
      [32, 32, 1],
      [32, 144, 2],
      [16, 192, 1],
      [8, 384, 1],
      [8, 576, 2],
      [4, 960, 1],
    ] as const
  ).map(([side, channels, stride]) => ({
    network: "MobileNetV2",
    side,
    channels,
    kernel: 3,
    stride,
  })),
  { network: "ConvNeXt-T", side: 56, channels: 96, kernel: 7, stride: 1 },
];

/** One layer between norms and rectifiers, as networks have it. */
function depthwiseCase({ network, side, channels, kernel, stride }: DepthwiseLayer): LayerCase {
  const net = new GraphBuilder({ height: side, width: side, channels: 3 });
  const wide = net.relu(net.norm(net.conv(net.image, { channels, kernel: 1 })));
  const layer = net.norm(net.conv(wide, { channels, kernel, stride, groups: channels }));
  return {
    title: `${network} ${side}×${side}×${channels} ${kernel}×${kernel}/${stride}`,
    graph: net.graph(net.linear(net.pool(net.relu(layer)), 10)),
    shown: (kind) => kind.startsWith("depthwise"),
    joined: false,
  };
}
