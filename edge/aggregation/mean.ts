import type { CombiningRule } from "./rule.ts";

/** Sum in the order given: float64 addition is not associative, and the order is canonical. */
export function sumOf(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

/** The mean weighted by examples: FedAvg's (McMahan et al. 2017, algorithm 1; SPEC O1). */
export const mean: CombiningRule = {
  measures: "nothing",
  combination: ({ weights }) => ({
    trainable: weights,
    statistics: weights,
    divisor: sumOf(weights),
  }),
};
