import { expect, it } from "vitest";
import { nodeEnvironment } from "../../../client/engine/opening/node-environment.ts";
import { openEngine } from "../../../client/engine/opening/open-engine.ts";
import { EngineError } from "../../../client/engine/engine-error.ts";
import { requireSupportedOperations } from "../../../client/engine/tfjs/supported-operations.ts";
import { stateLayout } from "../../../protocol/model/state-layout.ts";
import type { Graph } from "../../../protocol/model/graph.ts";
import { smallGraph } from "./small-graph.ts";

/** The small graph with its second convolution depthwise. */
function depthwise(): Graph {
  const { graph } = smallGraph();
  return {
    ...graph,
    operations: graph.operations.map((operation) =>
      operation.output === "c" ? { ...operation, groups: 4 } : operation,
    ),
    parameters: graph.parameters.map(({ name, role, shape }) => ({
      name,
      role,
      shape: name === "c.weight" ? [4, 1, 1, 1] : shape,
    })),
  };
}

it("tfjs refuses grouped convolutions, naming the operation, and takes ordinary ones", async () => {
  const engine = await openEngine({ backend: "cpu", environment: nodeEnvironment() });
  const graph = depthwise();
  const layout = stateLayout(graph);
  const teacher = new Float32Array(layout.length);
  expect(() => engine.openSession({ graph, layout, teacher })).toThrow(EngineError);
  expect(() => engine.openSession({ graph, layout, teacher })).toThrow(/conv2d 'c'.*4 groups/);
  expect(() => requireSupportedOperations(smallGraph().graph)).not.toThrow();
  await engine.close();
});
