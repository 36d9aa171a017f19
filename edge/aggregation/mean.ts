import { weightedMean, type CombiningRule } from "./rule.ts";

/**
 * The mean weighted by examples: FedAvg's (McMahan et al. 2017, algorithm 1; SPEC O1). It bounds
 * nothing: one participant moves a student wherever it likes.
 */
export const mean: CombiningRule = {
  boundsStatistics: false,
  needsGram: false,
  combine: ({ contributions }) =>
    weightedMean(
      contributions,
      contributions.map(() => ({ trainable: 1, statistics: 1 })),
    ),
};
