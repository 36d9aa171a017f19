import { operationInputs, type Graph, type Operation, type ValueId } from "./graph.ts";
import { inferShapes } from "./infer-shapes.ts";
import { shapeOf } from "./operation-shapes.ts";
import type { ValueShape } from "./values.ts";

/** Depth of a parameter: 1 at the highest spatial resolution and upwards, or the head. */
export type DepthStage = number | "head";

export interface DepthStages {
  /** Stage of every parameter of the graph, by name. */
  readonly byParameter: ReadonlyMap<string, DepthStage>;
  /** Number of stages beside the head. */
  readonly count: number;
}

/** Positions of a map, or "head" behind the pooling of all of them. */
type Area = number | "head";

/** Stages of a network whose resolution never drops (SPEC G3.3). */
const QUARTERS = 4;

/**
 * Depth stages from the spatial resolution of each operation's output (SPEC G3): a strided shortcut
 * belongs to the stage it leads to, a stem to the stage it opens, a parameter used several times to that
 * of its first use; where the resolution never drops, from the residual sums before it. Names play no
 * part.
 *
 * @throws ProtocolError `unsupported-model` when the graph is not valid.
 *
 * @example
 * depthStages(resnet18({ width: 64, classes: 10 })).byParameter.get("layer4.1.conv2.weight"); // 4
 */
export function depthStages(graph: Graph): DepthStages {
  const areas = operationAreas(graph);
  const resolutions = [
    ...new Set(
      graph.operations.flatMap((operation) => {
        const area = areas.get(operation)!;
        return area === "head" || parametersOf(operation).length === 0 ? [] : [area];
      }),
    ),
  ].sort((a, b) => b - a);
  const sums = graph.operations.filter(
    (operation) => operation.kind === "add" && areas.get(operation) !== "head",
  );
  const isIsotropic = resolutions.length === 1 && sums.length >= QUARTERS;
  const byParameter = new Map<string, DepthStage>();
  let before = 0;
  for (const operation of graph.operations) {
    const area = areas.get(operation)!;
    const quarter = Math.min(QUARTERS, 1 + Math.floor((QUARTERS * before) / sums.length));
    const depth = isIsotropic ? quarter : resolutions.indexOf(area as number) + 1;
    for (const name of parametersOf(operation)) {
      if (!byParameter.has(name)) byParameter.set(name, area === "head" ? "head" : depth);
    }
    if (sums.includes(operation)) before++;
  }
  return { byParameter, count: isIsotropic ? QUARTERS : resolutions.length };
}

function parametersOf(operation: Operation): readonly string[] {
  return shapeOf(operation)
    .parameters(operation)
    .map(({ name }) => name);
}

/** The resolution that each operation works at. */
function operationAreas({ input, operations, ...graph }: Graph): ReadonlyMap<Operation, Area> {
  const shapes = inferShapes({ input, operations, ...graph });
  const areas = new Map<ValueId, Area>([[input, positions(shapes.get(input)!)]]);
  for (const operation of operations) {
    const first = areas.get(operationInputs(operation)[0]!)!;
    const shape = shapes.get(operation.output)!;
    // Tokens are the positions of the map that they were made of.
    const own = shape.length === 2 ? first : positions(shape);
    areas.set(operation.output, first === "head" || poolsAll(operation) ? "head" : own);
  }
  const gates = gateAreas(operations, areas);
  return new Map(
    operations.map((operation) => [
      operation,
      gates.get(operation.output) ?? areas.get(operation.output)!,
    ]),
  );
}

function positions(shape: ValueShape): number {
  return shape.length === 3 ? shape[0] * shape[1] : shape[0];
}

/** Whether an operation makes one of all positions. */
function poolsAll(operation: Operation): boolean {
  switch (operation.kind) {
    case "global-average-pool":
    case "flatten":
    case "take-token":
      return true;
    case "adaptive-average-pool":
      return operation.size[0] * operation.size[1] === 1;
    default:
      return false;
  }
}

/** What is computed of pooled channels to scale a map by (squeeze and excitation), by value. */
function gateAreas(
  operations: readonly Operation[],
  areas: ReadonlyMap<ValueId, Area>,
): ReadonlyMap<ValueId, Area> {
  const gates = new Map<ValueId, Area>();
  for (const operation of operations.toReversed()) {
    if (operation.kind === "multiply") {
      const [map, gate] = operation.inputs;
      if (areas.get(gate) === "head") gates.set(gate, areas.get(map)!);
    }
    const area = gates.get(operation.output);
    if (area === undefined) continue;
    for (const input of operationInputs(operation)) {
      if (areas.get(input) === "head") gates.set(input, area);
    }
  }
  return gates;
}
