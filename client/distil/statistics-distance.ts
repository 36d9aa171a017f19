import type { Graph } from "../../protocol/model/graph.ts";
import { measuredChannels } from "../../protocol/reinit/statistics.ts";
import type { StateLayout } from "../../protocol/model/state-layout.ts";

/**
 * Distance of statistics of images from the teacher's running ones: of a batch norm the median over its
 * channels of KL(images‖teacher) of two Gaussians (Zheng et al., NeurIPS 2022; SPEC I10), so that some
 * dead or outlying channels do not count. Two parameters that are estimated from n images differ by 1/n
 * on average by chance alone (Wilks 1938: 2n·KL is χ² with two degrees of freedom); that is taken off.
 *
 * @param teacher the teacher's statistics section
 * @param measured the images', in the same places (`channelStatistics`)
 * @param images that were measured
 * @returns the mean over all batch norms but those that stand in (SPEC L7); NaN for a model without
 *
 * @example
 * const distance = statisticsDistance(graph, layout, teacher.subarray(layout.trainableLength), measured, 256);
 */
export function statisticsDistance(
  graph: Graph,
  layout: StateLayout,
  teacher: Float32Array,
  measured: Float32Array,
  images: number,
): number {
  const divergences = new Map<string, number[]>();
  for (const { epsilon, mean, meanName, standsIn, variance } of measuredChannels(graph, layout)) {
    if (standsIn) continue;
    const a = measured[variance]! + epsilon;
    const b = teacher[variance]! + epsilon;
    const d = measured[mean]! - teacher[mean]!;
    const divergence = 0.5 * Math.log(b / a) + (a + d * d) / (2 * b) - 0.5;
    const of = divergences.get(meanName) ?? [];
    of.push(divergence);
    divergences.set(meanName, of);
  }
  const norms = Array.from(divergences.values(), (of) => Math.max(0, median(of) - 1 / images));
  return norms.reduce((sum, norm) => sum + norm, 0) / norms.length;
}

/** The middle value; of an even number the smaller of the two in the middle. */
function median(values: readonly number[]): number {
  return Float64Array.from(values).sort()[(values.length - 1) >> 1]!;
}
