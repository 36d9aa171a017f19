import type { Graph, Operation } from "./graph.ts";
import { shapeOf } from "./operation-shapes.ts";

/**
 * How the files of one origin name an architecture's tensors: what is replaced in the architecture's
 * own name, in order. A prefix replaces `/^/`.
 *
 * @example
 * { origin: "torchvision", rewrites: [[/\.shortcut\./, ".downsample."]] }
 */
export interface Naming {
  /** Whose files are named so, for messages. */
  readonly origin: string;
  readonly rewrites: readonly (readonly [ours: RegExp, theirs: string])[];
}

/** The name that a tensor of the architecture has in the file. */
export function nameInFile({ rewrites }: Naming, name: string): string {
  return rewrites.reduce((given, [ours, theirs]) => given.replace(ours, theirs), name);
}

/** The graph with its parameters under the names of the file: whatever follows knows no others. */
export function graphInFile(graph: Graph, naming: Naming): Graph {
  const { operations, parameters } = graph;
  return {
    ...graph,
    operations: operations.map((operation) => operationInFile(operation, naming)),
    parameters: parameters.map(({ name, role, shape }) => ({
      name: nameInFile(naming, name),
      role,
      shape,
    })),
  };
}

/** Operations are plain data: whatever kind one is of, it names its parameters and its values. */
function operationInFile(operation: Operation, naming: Naming): Operation {
  const names = new Set(
    shapeOf(operation)
      .parameters(operation)
      .map(({ name }) => name),
  );
  const renamed = Object.entries(operation).map(([field, value]: [string, unknown]) => {
    const isParameter = typeof value === "string" && !VALUE_FIELDS.has(field) && names.has(value);
    return [field, isParameter ? nameInFile(naming, value) : value];
  });
  return Object.fromEntries(renamed) as Operation;
}

/** Fields that name values, which may be called as a parameter is. */
const VALUE_FIELDS: ReadonlySet<string> = new Set(["input", "inputs", "output"]);
