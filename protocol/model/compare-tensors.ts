import type { Tensors } from "./drawing.ts";
import { CLASSES, sizeOf, type Graph } from "./graph.ts";
import type { NamedTensor } from "./named-tensor.ts";

/** Counters of steps, which some save as floats with all the rest, and those that thop leaves of operations. */
const COUNTER = /(^|\.)(num_batches_tracked|total_ops|total_params)$/;

/** What stands beside the network in a module that trains it, as Lightning has it: its loss and its scores. */
const TRAINER =
  /^(criterion|loss(_?f(n|unc(tion)?))?|metrics?|(train|val(id(ation)?)?|test)_(loss|acc(uracy)?|top\d|auroc|f1|confmat|metrics?)\w*)\./;

/** Whether a tensor that no network knows may stay as it is. */
export function isAside({ name, shape, values }: NamedTensor): boolean {
  return values === "integers" || shape.includes(0) || COUNTER.test(name) || TRAINER.test(name);
}

/** What share of network and file is the same tensors: 1 where they fit. */
export function sharedTensors({ parameters }: Graph, tensors: Tensors): number {
  const weights = [...tensors.values()].filter((tensor) => !isAside(tensor)).length;
  const shared = parameters.filter(({ name, shape }) => {
    const tensor = tensors.get(name);
    return tensor !== undefined && isSameShape(tensor.shape, shape);
  }).length;
  return shared / (parameters.length + weights - shared);
}

/** The first thing in a file that is not as the network has it; undefined where all is. */
export function firstMismatch(graph: Graph, tensors: Tensors): string | undefined {
  const left = new Map(tensors);
  for (const { name, shape } of graph.parameters) {
    const tensor = left.get(name);
    if (tensor === undefined) return `tensor '${name}' is missing`;
    if (!isSameShape(tensor.shape, shape)) {
      return `tensor '${name}' has shape [${tensor.shape.join(", ")}] where [${shape.join(", ")}] is expected`;
    }
    if (tensor.values !== "floats") {
      return `tensor '${name}' is ${tensor.dtype}, a type that networks are run in, not trained: bring the model as it was before it was quantised, in float32, float16 or bfloat16`;
    }
    if (sizeOf(shape) === 0) return `tensor '${name}' is empty`;
    left.delete(name);
  }
  if (graph.classes < CLASSES.least) {
    return `it has ${graph.classes} class: there must be at least ${CLASSES.least}. A model that answers yes or no with one number is taken with two: w and b of its last layer as [0, w] and [0, b]`;
  }
  for (const tensor of left.values()) {
    if (isAside(tensor)) continue;
    return `tensor '${tensor.name}' (${tensor.dtype}) is not one of its tensors`;
  }
  return undefined;
}

function isSameShape(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((extent, axis) => extent === other[axis]);
}
