import type { Graph, ValueId } from "../../../protocol/model/graph.ts";
import type { ValueShape } from "../../../protocol/model/values.ts";
import { isDepthwise } from "./kernels/depthwise.ts";

/**
 * Values that a program for `f16` stores as halves, they and their gradients: maps of images and
 * tokens whose channels come in fours, also in each group of a grouped convolution (a depthwise one
 * works on all channels alike) and each head of attention that writes or reads them, so that every
 * write is a whole vector. Flat values (pooled features, logits) are small and stay f32.
 */
export function halvesOf(
  graph: Graph,
  shapes: ReadonlyMap<ValueId, ValueShape>,
): ReadonlySet<ValueId> {
  const channels = (id: ValueId): number => shapes.get(id)!.at(-1)!;
  const halves = new Set<ValueId>();
  for (const [id, shape] of shapes) {
    if (shape.length > 1 && channels(id) % 4 === 0) halves.add(id);
  }
  const dropUneven = (ids: readonly ValueId[], parts: number): void => {
    for (const id of ids) if ((channels(id) / parts) % 4 !== 0) halves.delete(id);
  };
  for (const operation of graph.operations) {
    if (operation.kind === "conv2d") {
      const { input, output, groups } = operation;
      if (isDepthwise(operation, channels(input), channels(output))) continue;
      dropUneven([input, output], groups);
    } else if (operation.kind === "attention") {
      dropUneven([...operation.inputs, operation.output], operation.heads);
    }
  }
  return halves;
}
