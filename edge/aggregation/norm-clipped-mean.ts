import { clipFactor, weightedMean, type CombiningRule } from "./rule.ts";

/**
 * The weighted mean of updates that were first scaled to at most `clipNorm` in L2 norm over their
 * trainable values (Sun et al. 2019, 'Can You Really Backdoor Federated Learning?', section 5.2).
 * Running statistics are bounded one by one (SPEC O6), not by a norm.
 */
export function normClippedMean(clipNorm: number): CombiningRule {
  return {
    boundsStatistics: true,
    needsGram: false,
    combine: ({ contributions }) =>
      weightedMean(
        contributions,
        contributions.map(({ norm }) => ({ trainable: clipFactor(clipNorm, norm), statistics: 1 })),
      ),
  };
}
