import type { Graph } from "../../../../protocol/model/graph.ts";
import { inferShapes } from "../../../../protocol/model/infer-shapes.ts";
import type { Tensor } from "./reference-operations.ts";

/** Sharpness-aware steps and the head shift by their definitions, in float64. */

type ByName = ReadonlyMap<string, Tensor>;

/** ε = ρ·T²g/‖T·g‖ with T = |θ| (FT-SAM), by parameter. */
export function adaptivePerturbation(
  parameters: ByName,
  gradients: ByName,
  rho: number,
): Map<string, Float64Array> {
  const pairs = [...gradients].flatMap(([name, { values }]) => {
    const theta = parameters.get(name)?.values;
    return theta ? [{ name, theta, gradient: values }] : [];
  });
  const length = Math.hypot(...pairs.flatMap(({ theta, gradient }) => times(theta, gradient)));
  return new Map(
    pairs.map(({ name, theta, gradient }) => [
      name,
      theta.map((value, i) => (length === 0 ? 0 : (rho * value * value * gradient[i]!) / length)),
    ]),
  );
}

/** The parameters at θ + ε, all others as they are. */
export function steeper(
  parameters: ByName,
  gradients: ByName,
  rho: number,
  store: (value: number) => number,
): Map<string, Tensor> {
  const steps = adaptivePerturbation(parameters, gradients, rho);
  return new Map(
    [...parameters].map(([name, { shape, values }]) => {
      const step = steps.get(name);
      return [name, { shape, values: values.map((v, i) => (step ? store(v + step[i]!) : v)) }];
    }),
  );
}

function times(a: Float64Array, b: Float64Array): number[] {
  return Array.from(a, (value, i) => Math.abs(value) * b[i]!);
}

/** Names of the weights of linear layers that read features. */
export function headsOf(graph: Graph): string[] {
  const shapes = inferShapes(graph);
  const linear = graph.operations.filter((operation) => operation.kind === "linear");
  return linear.filter(({ input }) => shapes.get(input)!.length === 1).map(({ weight }) => weight);
}

/** α·Σ⟨w, w_teacher⟩ over the linear layers of features. */
export function headShiftLoss(
  graph: Graph,
  student: ByName,
  teacher: ByName,
  weight: number,
): number {
  return headsOf(graph).reduce((sum, name) => {
    const own = student.get(name)!.values;
    return sum + weight * teacher.get(name)!.values.reduce((dot, w, i) => dot + w * own[i]!, 0);
  }, 0);
}

/** The gradients with that of `headShiftLoss`. */
export function withHeadShift(
  graph: Graph,
  gradients: ByName,
  teacher: ByName,
  weight: number,
): Map<string, Tensor> {
  const shifted = new Map(gradients);
  for (const name of headsOf(graph)) {
    const { shape, values } = gradients.get(name)!;
    const towards = teacher.get(name)!.values;
    shifted.set(name, { shape, values: values.map((g, i) => g + weight * towards[i]!) });
  }
  return shifted;
}

/** Scales every linear layer's weight to its teacher's length. */
export function bringHeadsToLength(
  graph: Graph,
  student: ByName,
  teacher: ByName,
  store: (value: number) => number,
): void {
  for (const name of headsOf(graph)) {
    const { values } = student.get(name)!;
    const scale = Math.hypot(...teacher.get(name)!.values) / Math.hypot(...values);
    values.forEach((value, i) => (values[i] = store(scale * value)));
  }
}
