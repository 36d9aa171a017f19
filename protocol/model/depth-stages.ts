import type { Graph } from "./graph.ts";
import { inferShapes } from "./infer-shapes.ts";
import { shapeOf } from "./operation-shapes.ts";

/** Depth of a parameter: 1 at the highest spatial resolution and upwards, or the linear head. */
export type DepthStage = number | "head";

export interface DepthStages {
  /** Stage of every parameter of the graph, by name. */
  readonly byParameter: ReadonlyMap<string, DepthStage>;
  /** Number of spatial stages. */
  readonly count: number;
}

/**
 * Depth stages from the spatial resolution of each operation's output (SPEC G3): a strided shortcut
 * belongs to the stage it leads to, a stem to the stage it opens, a parameter used several times to that
 * of its first use. Names play no part.
 *
 * @throws ProtocolError `unsupported-model` when the graph is not valid.
 *
 * @example
 * depthStages(resnet18({ width: 64, classes: 10 })).byParameter.get("layer4.1.conv2.weight"); // 4
 */
export function depthStages(graph: Graph): DepthStages {
  const shapes = inferShapes(graph);
  const areas = new Map<string, number | "head">();
  for (const operation of graph.operations) {
    const shape = shapes.get(operation.output)!;
    const area = shape.length === 3 ? shape[0] * shape[1] : "head";
    for (const { name } of shapeOf(operation).parameters(operation)) {
      if (!areas.has(name)) areas.set(name, area);
    }
  }
  const resolutions = [...new Set(areas.values())].filter((area) => area !== "head");
  resolutions.sort((a, b) => b - a);
  const byParameter = new Map<string, DepthStage>();
  for (const [name, area] of areas) {
    byParameter.set(name, area === "head" ? "head" : resolutions.indexOf(area) + 1);
  }
  return { byParameter, count: resolutions.length };
}
