import type { Graph } from "../../../protocol/model/graph.ts";
import { inferShapes } from "../../../protocol/model/infer-shapes.ts";
import type { LayoutEntry, StateLayout } from "../../../protocol/model/state-layout.ts";

/** The weights `[out, in]` of a model's linear layers of features: not of those of every token or position. */
export function headEntries(graph: Graph, { entries }: StateLayout): readonly LayoutEntry[] {
  const shapes = inferShapes(graph);
  const heads = new Set(
    graph.operations.flatMap((operation) =>
      operation.kind === "linear" && shapes.get(operation.input)!.length === 1
        ? [operation.weight]
        : [],
    ),
  );
  return entries.filter(({ name }) => heads.has(name));
}
