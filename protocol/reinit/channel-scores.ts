import { ProtocolError } from "../errors.ts";
import type { Graph } from "../model/graph.ts";
import { entryView, type LayoutEntry, type StateLayout } from "../model/state-layout.ts";
import type { ReinitStrategy } from "./strategy-schema.ts";
import { exactLog } from "../random/exact-log.ts";
import { KernelNorms } from "./kernel-norms.ts";
import { normalisedConvolutions } from "./normalised-convolutions.ts";

/**
 * Scores of output channels by name of the convolution's weight: the higher, the more of the channel
 * is drawn anew (SPEC I8). Convolutions without a batch norm of their own have none.
 */
export type ChannelScores = ReadonlyMap<string, readonly number[]>;

/**
 * The scores that a strategy asks for, from a whole teacher.
 *
 * @param teacher the teacher's state vector
 * @param pooledStatistics means and variances on participants' images, from `poolStatistics`
 * @returns undefined for a strategy that asks for none
 * @throws ProtocolError `malformed-request` when it asks for statistics and there are none,
 *   `malformed-update` when the statistics are not finite or a variance is negative.
 *
 * @example
 * const scores = channelScores({ kind: "lipschitz", … }, graph, layout, teacher);
 * const plan = reinitPlan(graph, strategy, strength, scores);
 */
export function channelScores(
  strategy: ReinitStrategy,
  graph: Graph,
  layout: StateLayout,
  teacher: Float32Array,
  pooledStatistics?: Float32Array,
): ChannelScores | undefined {
  switch (strategy.kind) {
    case "layerwise":
    case "uniform":
    case "head":
      return undefined;
    case "lipschitz":
      return lipschitzScores(graph, layout, teacher);
    case "bn-divergence":
      return divergenceScores(
        graph,
        layout,
        teacher.subarray(layout.trainableLength),
        requireStatistics(pooledStatistics),
      );
    default:
      return strategy satisfies never;
  }
}

/**
 * The statistics, or the reason why a strategy cannot do without.
 *
 * @throws ProtocolError `malformed-request`.
 */
export function requireStatistics(pooledStatistics: Float32Array | undefined): Float32Array {
  if (pooledStatistics !== undefined) return pooledStatistics;
  throw new ProtocolError(
    "malformed-request",
    "the strategy 'bn-divergence' compares the teacher's batch-norm statistics with those on participants' images, and no such statistics have been gathered for this campaign: choose another strategy, such as 'lipschitz', which needs the teacher alone",
  );
}

/** Channel Lipschitz scores as CLP defines them (SPEC I9), of a whole state vector. */
export function lipschitzScores(
  graph: Graph,
  layout: StateLayout,
  teacher: Float32Array,
): ChannelScores {
  const entryOf = entriesByName(layout);
  const scores = new Map<string, readonly number[]>();
  for (const { convolution, norm } of normalisedConvolutions(graph)) {
    const kernel = entryOf(convolution.weight);
    const kernels = new KernelNorms(kernel.shape);
    kernels.add(entryView(teacher, kernel));
    const scale = norm.scale === undefined ? undefined : entryView(teacher, entryOf(norm.scale));
    const variance = entryView(teacher, entryOf(norm.runningVariance));
    const { epsilon } = norm;
    const ofLayer = lipschitzOfChannels(kernels.norms, { scale, variance, epsilon });
    scores.set(convolution.weight, ofLayer);
  }
  return scores;
}

/**
 * σ_max·|γ/√(σ² + ε)| of successive channels (SPEC I9). Finite, since weights are (W5) and ε > 0 (G1).
 *
 * @param norms σ_max by channel, from `KernelNorms`
 * @param norm scale γ and running variance σ² of the same channels
 */
export function lipschitzOfChannels(
  norms: readonly number[],
  norm: {
    /** 1 where the norm has none. */
    readonly scale: Float32Array | undefined;
    readonly variance: Float32Array;
    readonly epsilon: number;
  },
): readonly number[] {
  return norms.map((sigma, channel) => {
    const deviation = Math.sqrt(norm.variance[channel]! + norm.epsilon);
    return sigma * Math.abs((norm.scale?.[channel] ?? 1) / deviation);
  });
}

/**
 * Divergence of batch-norm statistics as BNP has it (SPEC I10): for each channel the Kullback-Leibler
 * divergence of the Gaussian with the statistics on participants' images from the one with the
 * teacher's, in nats. The direction is that of the authors' released code.
 *
 * @param teacherStatistics values [layout.trainableLength, layout.length) of the teacher's state
 *   vector, its running means and variances
 * @param pooledStatistics the same on participants' images
 * @throws RangeError when either has another length.
 * @throws ProtocolError `malformed-update` when the pooled statistics are not finite or a variance is
 *   negative.
 */
export function divergenceScores(
  graph: Graph,
  layout: StateLayout,
  teacherStatistics: Float32Array,
  pooledStatistics: Float32Array,
): ChannelScores {
  const length = layout.length - layout.trainableLength;
  for (const statistics of [teacherStatistics, pooledStatistics]) {
    if (statistics.length !== length) {
      throw new RangeError(`the layout has ${length} statistics, not ${statistics.length}`);
    }
  }
  const entryOf = entriesByName(layout);
  const scores = new Map<string, readonly number[]>();
  for (const { convolution, norm } of normalisedConvolutions(graph)) {
    const means = entryOf(norm.runningMean);
    const variances = entryOf(norm.runningVariance);
    const { epsilon } = norm;
    const ofLayer = Array.from({ length: means.size }, (_, channel) => {
      const meanAt = means.offset - layout.trainableLength + channel;
      const varianceAt = variances.offset - layout.trainableLength + channel;
      checkStatistic(means, channel, pooledStatistics[meanAt]!);
      checkStatistic(variances, channel, pooledStatistics[varianceAt]!);
      const shift = pooledStatistics[meanAt]! - teacherStatistics[meanAt]!;
      const images = pooledStatistics[varianceAt]! + epsilon;
      const teacher = teacherStatistics[varianceAt]! + epsilon;
      const nats =
        0.5 * exactLog(teacher / images) + (images + shift * shift) / (2 * teacher) - 0.5;
      // Equal Gaussians may come out a rounding error below 0.
      return Math.max(0, nats);
    });
    scores.set(convolution.weight, ofLayer);
  }
  return scores;
}

function entriesByName(layout: StateLayout): (name: string) => LayoutEntry {
  const byName = new Map(layout.entries.map((entry) => [entry.name, entry]));
  return (name) => byName.get(name)!;
}

function checkStatistic({ name, role }: LayoutEntry, channel: number, value: number): void {
  if (Number.isFinite(value) && (role !== "running-variance" || value >= 0)) return;
  throw new ProtocolError(
    "malformed-update",
    `the statistics on participants' images hold ${value} in '${name}' at channel ${channel}: means are finite, variances not negative`,
    { tensor: name, index: channel },
  );
}
