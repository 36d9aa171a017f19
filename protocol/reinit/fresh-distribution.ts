import type { Graph } from "../model/graph.ts";
import { inverseNormal } from "../random/normal.ts";

/**
 * What a parameter is drawn from when a network is built anew: the BCU release's initialisers, a
 * normal distribution or a uniform one over [−bound, bound].
 */
export type FreshDistribution =
  | { readonly kind: "normal"; readonly std: number }
  | { readonly kind: "uniform"; readonly bound: number };

/**
 * Fresh distributions by parameter name (SPEC I4): convolutions He-normal with fan-out
 * (He et al. 2015; std = √(2/(kh·kw·out))), linear weights and biases U(±1/√in) as PyTorch's
 * `Linear`. Batch-norm parameters have none.
 */
export function freshDistributions(graph: Graph): ReadonlyMap<string, FreshDistribution> {
  const shapes = new Map(graph.parameters.map(({ name, shape }) => [name, shape]));
  const fresh = new Map<string, FreshDistribution>();
  for (const operation of graph.operations) {
    if (operation.kind === "conv2d") {
      const [out, , height, width] = shapes.get(operation.weight) as [
        number,
        number,
        number,
        number,
      ];
      fresh.set(operation.weight, { kind: "normal", std: Math.sqrt(2 / (height * width * out)) });
    } else if (operation.kind === "linear") {
      const [, inputs] = shapes.get(operation.weight) as [number, number];
      const uniform = { kind: "uniform", bound: 1 / Math.sqrt(inputs) } as const;
      fresh.set(operation.weight, uniform);
      if (operation.bias !== undefined) fresh.set(operation.bias, uniform);
    }
  }
  return fresh;
}

/** The value at probability `p`, 0 < p < 1, rounded once to float32. */
export function freshValue(distribution: FreshDistribution, p: number): number {
  return Math.fround(
    distribution.kind === "normal"
      ? inverseNormal(p) * distribution.std
      : (2 * p - 1) * distribution.bound,
  );
}
