import type { LayoutEntry, StateLayout } from "../../../../protocol/model/state-layout.ts";
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

function headsOf({ entries }: StateLayout): LayoutEntry[] {
  return entries.filter(({ role }) => role === "linear-weight");
}

/** α·Σ⟨w, w_teacher⟩ over the linear layers. */
export function headShiftLoss(
  layout: StateLayout,
  student: ByName,
  teacher: ByName,
  weight: number,
): number {
  return headsOf(layout).reduce((sum, { name }) => {
    const own = student.get(name)!.values;
    return sum + weight * teacher.get(name)!.values.reduce((dot, w, i) => dot + w * own[i]!, 0);
  }, 0);
}

/** The gradients with that of `headShiftLoss`. */
export function withHeadShift(
  layout: StateLayout,
  gradients: ByName,
  teacher: ByName,
  weight: number,
): Map<string, Tensor> {
  const shifted = new Map(gradients);
  for (const { name } of headsOf(layout)) {
    const { shape, values } = gradients.get(name)!;
    const towards = teacher.get(name)!.values;
    shifted.set(name, { shape, values: values.map((g, i) => g + weight * towards[i]!) });
  }
  return shifted;
}

/** Scales every linear layer's weight to its teacher's length. */
export function bringHeadsToLength(
  layout: StateLayout,
  student: ByName,
  teacher: ByName,
  store: (value: number) => number,
): void {
  for (const { name } of headsOf(layout)) {
    const { values } = student.get(name)!;
    const scale = Math.hypot(...teacher.get(name)!.values) / Math.hypot(...values);
    values.forEach((value, i) => (values[i] = store(scale * value)));
  }
}
