import { clipFactor, weightedMean, type CombiningRule, type MeasuredContribution } from "./rule.ts";

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
 */
export const medianClippedMean: CombiningRule = {
  boundsStatistics: true,
  needsGram: false,
  combine: ({ contributions }) => {
    const trainable = clippedToMedian(contributions, ({ norm }) => norm);
    const statistics = clippedToMedian(contributions, ({ statisticsNorm }) => statisticsNorm);
    return weightedMean(
      contributions,
      contributions.map((_, i) => ({ trainable: trainable[i]!, statistics: statistics[i]! })),
    );
  },
};

function clippedToMedian(
  contributions: readonly MeasuredContribution[],
  normOf: (contribution: MeasuredContribution) => number,
): number[] {
  const ratios = contributions.map((one) => normOf(one) / one.weight);
  const counts = (_: unknown, i: number): boolean => contributions[i]!.weight > 0;
  const counted = ratios.filter(counts).sort((a, b) => a - b);
  const median = counted[Math.floor((counted.length - 1) / 2)] ?? 0;
  // Of ratios, not of norms: what lies on the median is not scaled by what rounding makes of 1.
  return ratios.map((ratio, i) => (counts(ratio, i) ? clipFactor(median, ratio) : 0));
}
