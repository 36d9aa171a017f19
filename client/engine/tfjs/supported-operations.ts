import type { Graph } from "../../../protocol/model/graph.ts";
import { EngineError } from "../engine-error.ts";

/**
 * Refuses a graph that tfjs cannot train: it has no gradient for grouped convolutions.
 *
 * @throws EngineError `invalid-input`, naming the operation.
 */
export function requireSupportedOperations(graph: Graph): void {
  for (const operation of graph.operations) {
    if (operation.kind !== "conv2d" || operation.groups === 1) continue;
    throw new EngineError(
      "invalid-input",
      `conv2d '${operation.output}' of ${graph.architecture} has ${operation.groups} groups, ` +
        "tfjs trains ordinary convolutions only: choose the webgpu or wasm backend",
    );
  }
}
