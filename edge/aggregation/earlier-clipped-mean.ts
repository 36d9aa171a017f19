import { medianClippedMean } from "./median-clipped-mean.ts";
import { clipFactor, weightedMean, type CombiningRule } from "./rule.ts";

/** How much longer than an earlier round's an update may be: honest norms rise and fall by less. */
const TOLERATED = 2;

/**
 * The median-clipped mean, whose updates are held to twice the norm in the middle of an earlier round, too
 * (SPEC O9.3): what is left where one or two came, of whom the one in the middle is no other than the
 * smaller. In a leg's first round there is nothing to hold one alone to.
 */
export const earlierClippedMean: CombiningRule = {
  boundsStatistics: true,
  needsGram: false,
  combine: (round) => {
    const { contributions, earlierNorm } = round;
    const held = medianClippedMean.combine(round);
    if (earlierNorm === undefined) return held;
    const most = TOLERATED * earlierNorm;
    return weightedMean(
      contributions,
      contributions.map(({ norm, weight }, i) => {
        const { trainable, statistics } = held.taken[i]!;
        const earlier = weight > 0 ? clipFactor(most, norm / weight) : 0;
        return { trainable: Math.min(trainable, earlier), statistics };
      }),
    );
  },
};
