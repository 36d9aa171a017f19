import { ProtocolError } from "../errors.ts";
import type { Graph } from "../model/graph.ts";
import type { StateLayout } from "../model/state-layout.ts";

/**
 * Statistics of what a teacher's batch norms read, on participants' images (SPEC B). They have the
 * shape of a state vector's statistics section: values [trainableLength, length), means in the places
 * of the running means, variances in those of the running variances.
 */

/** How far a mean may lie from the teacher's, in deviations √(v + ε) of the teacher's (SPEC B4). */
const FARTHEST_MEAN = 1e4;

/** How many times the teacher's variance v + ε a variance may be (SPEC B4). */
const LARGEST_VARIANCE = FARTHEST_MEAN * FARTHEST_MEAN;

/** Where the statistics of one channel of a batch norm lie. */
interface ChannelPlace {
  /** Index of the mean and of the variance in the statistics section. */
  readonly mean: number;
  readonly variance: number;
  readonly epsilon: number;
  /** For messages: tensor of the mean and of the variance, and the channel. */
  readonly meanName: string;
  readonly varianceName: string;
  readonly channel: number;
}

/** Every channel of every batch norm. */
function* channelsOf(graph: Graph, layout: StateLayout): Generator<ChannelPlace> {
  const entries = new Map(layout.entries.map((entry) => [entry.name, entry]));
  for (const operation of graph.operations) {
    if (operation.kind !== "batch-norm") continue;
    const { epsilon, runningMean: meanName, runningVariance: varianceName } = operation;
    const means = entries.get(meanName)!;
    const variances = entries.get(varianceName)!;
    for (let channel = 0; channel < means.size; channel++) {
      const mean = means.offset - layout.trainableLength + channel;
      const variance = variances.offset - layout.trainableLength + channel;
      yield { mean, variance, epsilon, meanName, varianceName, channel };
    }
  }
}

/**
 * Refuses statistics that no images can have given (SPEC B4): values that are not finite, variances
 * below 0, and whatever lies so far from the teacher's own statistics that it is an error or a lie.
 *
 * @param teacher the teacher's statistics section
 * @param statistics a run of a statistics section; the rest is not looked at
 * @param offset where the run begins in the section
 * @throws ProtocolError `malformed-update`, naming tensor and channel.
 *
 * @example
 * checkStatistics(graph, layout, teacher.subarray(layout.trainableLength), statistics);
 */
export function checkStatistics(
  graph: Graph,
  layout: StateLayout,
  teacher: Float32Array,
  statistics: Float32Array,
  offset = 0,
): void {
  for (const place of channelsOf(graph, layout)) {
    const { channel, epsilon, meanName, varianceName } = place;
    const spread = teacher[place.variance]! + epsilon;
    const mean = statistics[place.mean - offset];
    const farthest = FARTHEST_MEAN * Math.sqrt(spread);
    if (mean !== undefined && !(Math.abs(mean - teacher[place.mean]!) <= farthest)) {
      const expected = `more than ${FARTHEST_MEAN} deviations from the teacher's ${teacher[place.mean]!}`;
      throw implausible(meanName, channel, mean, expected);
    }
    const variance = statistics[place.variance - offset];
    if (variance === undefined) continue;
    if (!(variance >= 0)) throw implausible(varianceName, channel, variance, "no variance");
    if (!(variance <= LARGEST_VARIANCE * spread)) {
      const expected = `more than ${LARGEST_VARIANCE} times the teacher's ${teacher[place.variance]!}`;
      throw implausible(varianceName, channel, variance, expected);
    }
  }
}

function implausible(tensor: string, index: number, value: number, what: string): ProtocolError {
  return new ProtocolError(
    "malformed-update",
    `the statistics hold ${value} in '${tensor}' at channel ${index}, which is ${what}: measure again on images that the model was made for, normalised as the campaign says`,
    { tensor, index },
  );
}

/**
 * Pools the statistics of several participants (SPEC B5): of each channel the median μ of their means,
 * and the median of the mean squared distances of their values from μ, vᵢ + (mᵢ − μ)². Every
 * participant counts alike. Fewer than half of them move a result only among what the others say;
 * where all agree it is what they agree on, and spread between participants is not lost, as it would be
 * from a median of variances.
 *
 * Double arithmetic with + − × ÷ in a fixed order, rounded once to float32; the order of the
 * participants changes no bit.
 *
 * @param statistics one section a participant
 * @returns a section; an entry that overflows float32 is infinite
 * @throws RangeError without participants, or for a section of another length than the layout's.
 *
 * @example
 * const pooled = poolStatistics(graph, layout, sections);
 * const scores = channelScores(strategy, graph, layout, teacher, pooled);
 */
export function poolStatistics(
  graph: Graph,
  layout: StateLayout,
  statistics: readonly Float32Array[],
): Float32Array<ArrayBuffer> {
  const length = layout.length - layout.trainableLength;
  if (statistics.length === 0) throw new RangeError("nobody's statistics cannot be pooled");
  for (const section of statistics) {
    if (section.length === length) continue;
    throw new RangeError(`the layout has ${length} statistics, not ${section.length}`);
  }
  const pooled = new Float32Array(length);
  for (const { mean, variance } of channelsOf(graph, layout)) {
    const center = median(statistics.map((section) => section[mean]!));
    const distances = statistics.map((section) => {
      const shift = section[mean]! - center;
      return section[variance]! + shift * shift;
    });
    pooled[mean] = center;
    pooled[variance] = median(distances);
  }
  return pooled;
}

/** The middle value; of an even number the mean of the two in the middle. */
function median(values: readonly number[]): number {
  // A typed array sorts by value alone, −0 before 0.
  const ascending = Float64Array.from(values).sort();
  const middle = ascending.length >> 1;
  if (ascending.length % 2 === 1) return ascending[middle]!;
  return (ascending[middle - 1]! + ascending[middle]!) / 2;
}
