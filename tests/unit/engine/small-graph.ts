import { allSides, type Graph } from "../../../protocol/model/graph.ts";
import { stateLayout, type StateLayout } from "../../../protocol/model/state-layout.ts";

/**
 * A graph unlike a ResNet on 4×4 RGB: a rectifier right after a convolution, a sum that a batch
 * norm reads, a value read three times, a convolution two readers share.
 */
export function smallGraph(): { graph: Graph; layout: StateLayout; state: Float32Array } {
  const graph: Graph = {
    architecture: "small",
    input: "image",
    inputShape: { height: 4, width: 4, channels: 3 },
    output: "logits",
    classes: 3,
    operations: [
      {
        kind: "conv2d",
        input: "image",
        output: "a",
        weight: "a.weight",
        stride: [1, 1],
        padding: allSides(1),
        dilation: [1, 1],
        groups: 1,
      },
      { kind: "activation", activation: "relu", input: "a", output: "b" },
      {
        kind: "conv2d",
        input: "b",
        output: "c",
        weight: "c.weight",
        stride: [1, 1],
        padding: allSides(0),
        dilation: [1, 1],
        groups: 1,
      },
      { kind: "add", inputs: ["a", "c"], output: "d" },
      {
        kind: "batch-norm",
        input: "d",
        output: "e",
        scale: "e.weight",
        shift: "e.bias",
        runningMean: "e.running_mean",
        runningVariance: "e.running_var",
        epsilon: 1e-5,
        momentum: 0.1,
      },
      { kind: "add", inputs: ["e", "b"], output: "f" },
      { kind: "add", inputs: ["f", "b"], output: "g" },
      { kind: "global-average-pool", input: "g", output: "h" },
      { kind: "linear", input: "h", output: "logits", weight: "fc.weight", bias: "fc.bias" },
    ],
    parameters: [
      { name: "a.weight", role: "conv-weight", shape: [4, 3, 3, 3] },
      { name: "c.weight", role: "conv-weight", shape: [4, 4, 1, 1] },
      { name: "e.weight", role: "norm-scale", shape: [4] },
      { name: "e.bias", role: "norm-shift", shape: [4] },
      { name: "e.running_mean", role: "running-mean", shape: [4] },
      { name: "e.running_var", role: "running-variance", shape: [4] },
      { name: "fc.weight", role: "linear-weight", shape: [3, 4] },
      { name: "fc.bias", role: "linear-bias", shape: [3] },
    ],
  };
  const layout = stateLayout(graph);
  const state = new Float32Array(layout.length);
  for (const { role, offset, size } of layout.entries) {
    for (let i = 0; i < size; i++) {
      state[offset + i] = role === "running-variance" ? 1 : Math.sin(3 * (offset + i) + 1);
    }
  }
  return { graph, layout, state };
}
