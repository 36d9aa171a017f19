/**
 * Channels that stand out: those whose score exceeds the layer's mean by more than `deviations`
 * standard deviations, in ascending order; none for `deviations` 0 (SPEC I8). Mean and standard
 * deviation (of n − 1) are over the layer, as in the code released with CLP and BNP (Zheng et al.
 * 2022), where such channels are pruned.
 *
 * In a layer of n channels nothing lies beyond (n − 1)/√n standard deviations: 3 finds outliers from
 * 11 channels on.
 *
 * @param scores of one layer's channels, finite and not negative
 */
export function outlierChannels(scores: readonly number[], deviations: number): readonly number[] {
  if (deviations === 0 || scores.length < 2) return [];
  const mean = meanOf(scores);
  let squares = 0;
  for (const score of scores) squares += (score - mean) * (score - mean);
  const limit = mean + deviations * Math.sqrt(squares / (scores.length - 1));
  return [...scores.keys()].filter((channel) => scores[channel]! > limit);
}

/**
 * Share of each channel's values to re-initialise: in proportion to its score, so that the layer's
 * mean stays `ratio` as long as no channel reaches 1; outliers all (SPEC I8).
 *
 * @param ratio the layer's, times the strength, not capped
 */
export function channelRatios(
  ratio: number,
  scores: readonly number[],
  deviations: number,
): readonly number[] {
  const mean = meanOf(scores);
  // Where every score is 0, no channel is more suspicious than another.
  const ratios = scores.map((score) => Math.min(1, mean > 0 ? ratio * (score / mean) : ratio));
  for (const channel of outlierChannels(scores, deviations)) ratios[channel] = 1;
  return ratios;
}

/** Σ/n, summed in order. */
function meanOf(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
