import type { Graph } from "../model/graph.ts";
import { inferShapes } from "../model/infer-shapes.ts";
import { inverseNormal } from "../random/normal.ts";

/**
 * What a parameter is drawn from when a network is built anew: a normal distribution, a uniform one over
 * [−bound, bound], or 0 and nothing else.
 */
export type FreshDistribution =
  | { readonly kind: "normal"; readonly std: number }
  | { readonly kind: "uniform"; readonly bound: number }
  | { readonly kind: "zero" };

/** Deviation of linear weights in transformers and ConvNeXts, whose truncation at ±2 never bites. */
const TRANSFORMER_STD = 0.02;

/**
 * Fresh distributions by parameter name (SPEC I4): convolutions He-normal by the larger of fan-in and
 * fan-out (He et al. 2015; std = √(2/(kh·kw·max(in/groups, out)))), linear weights and biases of features U(±1/√in) as
 * PyTorch's `Linear`; of tokens and of every position of a map weights N(0, .02²) and biases 0, as
 * transformers and ConvNeXts. All others have none.
 */
export function freshDistributions(graph: Graph): ReadonlyMap<string, FreshDistribution> {
  const shapes = new Map(graph.parameters.map(({ name, shape }) => [name, shape]));
  const values = inferShapes(graph);
  const fresh = new Map<string, FreshDistribution>();
  for (const operation of graph.operations) {
    if (operation.kind === "conv2d") {
      const [out, inputs, height, width] = shapes.get(operation.weight) as [
        number,
        number,
        number,
        number,
      ];
      const fan = height * width * Math.max(inputs, out);
      fresh.set(operation.weight, { kind: "normal", std: Math.sqrt(2 / fan) });
    } else if (operation.kind === "linear") {
      const [, inputs] = shapes.get(operation.weight) as [number, number];
      const uniform = { kind: "uniform", bound: 1 / Math.sqrt(inputs) } as const;
      const isOfFeatures = values.get(operation.input)!.length === 1;
      const normal = { kind: "normal", std: TRANSFORMER_STD } as const;
      fresh.set(operation.weight, isOfFeatures ? uniform : normal);
      if (operation.bias === undefined) continue;
      fresh.set(operation.bias, isOfFeatures ? uniform : { kind: "zero" });
    }
  }
  return fresh;
}

/** The value at probability `p`, 0 < p < 1, rounded once to float32. */
export function freshValue(distribution: FreshDistribution, p: number): number {
  switch (distribution.kind) {
    case "normal":
      return Math.fround(inverseNormal(p) * distribution.std);
    case "uniform":
      return Math.fround((2 * p - 1) * distribution.bound);
    case "zero":
      return 0;
    default:
      return distribution satisfies never;
  }
}
