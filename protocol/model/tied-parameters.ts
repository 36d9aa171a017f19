import type { Graph } from "./graph.ts";
import { shapeOf } from "./operation-shapes.ts";

/**
 * Parameters that several operations use, by name (SPEC G1.3).
 *
 * @example
 * tiedParameters(resnet18({ width: 64, classes: 10 })).size; // 0
 */
export function tiedParameters({ operations }: Graph): ReadonlySet<string> {
  const used = new Set<string>();
  const tied = new Set<string>();
  for (const operation of operations) {
    for (const { name } of shapeOf(operation).parameters(operation)) {
      (used.has(name) ? tied : used).add(name);
    }
  }
  return tied;
}
