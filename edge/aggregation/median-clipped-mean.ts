import { clipFactor, type CombiningRule } from "./rule.ts";

/**
 * The weighted mean of updates that were first clipped to the median norm of their round (FLAME, Nguyen
 * et al., USENIX Security 2022, dynamic clipping), trainable values and running statistics each in a
 * norm of their own (SPEC O5). Norms fall hundredfold in the course of a campaign, so no one bound fits
 * all rounds; the median of a round is what its honest majority does in it.
 *
 * Norms are compared by weight, ‖uᵢ‖/wᵢ, since assignments differ in their steps (SPEC R12): update i
 * is scaled by min(1, c·wᵢ/‖uᵢ‖), c the lower median of those ratios. Of an even number it is the
 * smaller of the two in the middle, so that one of two, or half of any number, cannot lengthen what all
 * are held to.
 *
 * @example
 * medianClippedMean.factors({ weights: [1, 1, 1], norms: [2, 3, 300], statisticsNorms: [1, 1, 1] });
 * // { trainable: [1, 1, 0.01], statistics: [1, 1, 1] }
 */
export const medianClippedMean: CombiningRule = {
  boundsStatistics: true,
  factors: ({ weights, norms, statisticsNorms }) => ({
    trainable: clippedToMedian(weights, norms),
    statistics: clippedToMedian(weights, statisticsNorms),
  }),
};

function clippedToMedian(weights: readonly number[], norms: readonly number[]): number[] {
  const ratios = norms.map((norm, i) => norm / weights[i]!);
  const counted = ratios.filter((_, i) => weights[i]! > 0).sort((a, b) => a - b);
  const median = counted[Math.floor((counted.length - 1) / 2)] ?? 0;
  // Of ratios, not of norms: what lies on the median is not scaled by what rounding makes of 1.
  return ratios.map((ratio, i) => (weights[i]! > 0 ? clipFactor(median, ratio) : 0));
}
