import type { Graph, ValueId } from "../../../../protocol/model/graph.ts";
import { GraphBuilder } from "../../../unit/engine/numerics/graph-builder.ts";

/** How much wider inside, channels, blocks, stride of the first (Sandler et al. 2018, table 2). */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** MobileNetV2 for images of 224 pixels and 1000 classes. */
export function mobilenetV2(): Graph {
  const net = new GraphBuilder({ height: 224, width: 224, channels: 3 });
  const relu6 = (x: ValueId): ValueId => net.activate(net.norm(x), "relu6");
  let x = relu6(net.conv(net.image, { channels: 32, kernel: 3, stride: 2 }));
  for (const [wider, channels, blocks, firstStride] of STAGES) {
    for (let block = 0; block < blocks; block++) {
      const stride = block === 0 ? firstStride : 1;
      const inside = wider * net.channels(x);
      const wide = wider === 1 ? x : relu6(net.conv(x, { channels: inside, kernel: 1 }));
      const spread = relu6(net.conv(wide, { channels: inside, kernel: 3, stride, groups: inside }));
      const narrow = net.norm(net.conv(spread, { channels, kernel: 1 }));
      x = block === 0 ? narrow : net.add(narrow, x);
    }
  }
  const last = relu6(net.conv(x, { channels: 1280, kernel: 1 }));
  return net.graph(net.linear(net.pool(last), 1000));
}
