import { operationInputs } from "../model/graph.ts";
import { tiedParameters } from "../model/tied-parameters.ts";
import type {
  BatchNormOperation,
  Conv2dOperation,
  Graph,
  Operation,
  ValueId,
} from "../model/graph.ts";

/** A convolution whose weight is its own, and the batch norm that alone reads what it gives. */
export interface NormalisedConvolution {
  readonly convolution: Conv2dOperation;
  readonly norm: BatchNormOperation;
}

/**
 * Every convolution whose output is read by one batch norm and by nothing else, and whose weight no
 * other operation uses, in execution order (SPEC I8). Which norm follows which convolution is the graph's to say: names and file order pair
 * wrongly wherever a norm stands before its convolution.
 *
 * @example
 * normalisedConvolutions(resnet18({ width: 64, classes: 10 })).length; // 20
 */
export function normalisedConvolutions(graph: Graph): readonly NormalisedConvolution[] {
  const readers = new Map<ValueId, Operation[]>();
  for (const operation of graph.operations) {
    for (const input of operationInputs(operation)) {
      readers.set(input, [...(readers.get(input) ?? []), operation]);
    }
  }
  const tied = tiedParameters(graph);
  const found: NormalisedConvolution[] = [];
  for (const convolution of graph.operations) {
    if (convolution.kind !== "conv2d" || convolution.output === graph.output) continue;
    if (tied.has(convolution.weight)) continue;
    const [norm, ...others] = readers.get(convolution.output) ?? [];
    if (norm?.kind === "batch-norm" && others.length === 0) found.push({ convolution, norm });
  }
  return found;
}
