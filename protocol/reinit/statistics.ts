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
  /** Of a norm that stands in (SPEC L): what the teacher has there says nothing of images. */
  readonly standsIn: boolean;
  /** For messages: tensor of the mean and of the variance, and the channel. */
  readonly meanName: string;
  readonly varianceName: string;
  readonly channel: number;
}

/** Every channel of every batch norm. */
export function* measuredChannels(graph: Graph, layout: StateLayout): Generator<ChannelPlace> {
  const entries = new Map(layout.entries.map((entry) => [entry.name, entry]));
  for (const operation of graph.operations) {
    if (operation.kind !== "batch-norm") continue;
    const { epsilon, runningMean: meanName, runningVariance: varianceName } = operation;
    const standsIn = operation.standsIn === true;
    const means = entries.get(meanName)!;
    const variances = entries.get(varianceName)!;
    for (let channel = 0; channel < means.size; channel++) {
      const mean = means.offset - layout.trainableLength + channel;
      const variance = variances.offset - layout.trainableLength + channel;
      yield { mean, variance, epsilon, standsIn, meanName, varianceName, channel };
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
  const found = (place: number): Claim | undefined => {
    const value = statistics[place - offset];
    return value === undefined ? undefined : { value, margin: 0 };
  };
  const wrong = implausible(graph, layout, teacher, found);
  if (wrong === undefined) return;
  const { tensor, index, value, what } = wrong;
  throw new ProtocolError(
    "malformed-update",
    `the statistics hold ${value} in '${tensor}' at channel ${index}, which is ${what}: measure again on images that the model was made for, normalised as the campaign says`,
    { tensor, index },
  );
}

/** Part of a value that float32 differences of it may be off by, with room. */
const ROUNDING = 1 / 1_048_576;

/**
 * Refuses an update of running statistics that would make of them what no images can have given (SPEC
 * U8): r_round − u is held to the bounds of B4, but for what rounding does to the difference.
 *
 * @param teacher the teacher's statistics section
 * @param student a run of the incoming student's statistics section
 * @param update the same run of the update
 * @param offset where the run begins in the section
 * @throws ProtocolError `malformed-update`, naming tensor and channel.
 */
export function checkStatisticsUpdate(
  graph: Graph,
  layout: StateLayout,
  teacher: Float32Array,
  student: Float32Array,
  update: Float32Array,
  offset: number,
): void {
  const made = (place: number): Claim | undefined => {
    const before = student[place - offset];
    const change = update[place - offset];
    if (before === undefined || change === undefined) return undefined;
    return { value: before - change, margin: ROUNDING * (Math.abs(before) + Math.abs(change)) };
  };
  const wrong = implausible(graph, layout, teacher, made);
  if (wrong === undefined) return;
  const { tensor, index, value, what } = wrong;
  throw new ProtocolError(
    "malformed-update",
    `the update would make '${tensor}' at channel ${index} ${value}, which is ${what}: no images give such statistics; train again from the round's student`,
    { tensor, index },
  );
}

/** A statistic somebody tells, and how far rounding may have moved it. */
interface Claim {
  readonly value: number;
  readonly margin: number;
}

/** The first claim that no images can have given. */
function implausible(
  graph: Graph,
  layout: StateLayout,
  teacher: Float32Array,
  claimed: (place: number) => Claim | undefined,
): { tensor: string; index: number; value: number; what: string } | undefined {
  for (const place of measuredChannels(graph, layout)) {
    const { channel: index, epsilon, meanName, varianceName } = place;
    const spread = teacher[place.variance]! + epsilon;
    const mean = claimed(place.mean);
    const farthest = FARTHEST_MEAN * Math.sqrt(spread) + (mean?.margin ?? 0);
    if (mean !== undefined && !(Math.abs(mean.value - teacher[place.mean]!) <= farthest)) {
      const what = `more than ${FARTHEST_MEAN} deviations from the teacher's ${teacher[place.mean]!}`;
      return { tensor: meanName, index, value: mean.value, what };
    }
    const variance = claimed(place.variance);
    if (variance === undefined) continue;
    const { value, margin } = variance;
    if (!(value >= -margin)) return { tensor: varianceName, index, value, what: "no variance" };
    if (!(value <= LARGEST_VARIANCE * spread + margin)) {
      const what = `more than ${LARGEST_VARIANCE} times the teacher's ${teacher[place.variance]!}`;
      return { tensor: varianceName, index, value, what };
    }
  }
  return undefined;
}

/**
 * What deviations of each running statistic are measured in, so that channels compare: √(v + ε) for a
 * mean, v + ε for a variance, v being the channel's running variance in `section`.
 *
 * @param section a student's whole statistics section
 */
export function deviationUnits(
  graph: Graph,
  layout: StateLayout,
  section: Float32Array,
): Float32Array<ArrayBuffer> {
  const units = new Float32Array(section.length);
  for (const { mean, variance, epsilon } of measuredChannels(graph, layout)) {
    const spread = section[variance]! + epsilon;
    units[mean] = Math.sqrt(spread);
    units[variance] = spread;
  }
  return units;
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
  for (const { mean, variance } of measuredChannels(graph, layout)) {
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
