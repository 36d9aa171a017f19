import { ProtocolError } from "../errors.ts";
import type { Graph } from "../model/graph.ts";
import { standInNorms } from "../model/stand-in-norms.ts";
import type { StateLayout } from "../model/state-layout.ts";

/**
 * Values of the norms that stand in, by tensor. Plain data: it may be sent.
 */
export type IdentityNorms = ReadonlyMap<string, Float32Array>;

/**
 * Norms that change nothing: of each that stands in γ = √(v + ε), β = μ and running statistics (μ, v), with
 * mean and variance of what it reads on participants' images (SPEC L5). Unlike the teacher's they change
 * nothing in training mode either, as far as a batch is like all images. IEEE double, rounded once.
 *
 * @param pooled the statistics section of a state vector, from `poolStatistics`
 * @throws ProtocolError `malformed-update` when a statistic is not finite or a variance is negative.
 *
 * @example
 * putIdentityNorms(student, layout, identityNorms(graph, layout, pooled), 0);
 */
export function identityNorms(
  graph: Graph,
  layout: StateLayout,
  pooled: Float32Array,
): IdentityNorms {
  const entries = new Map(layout.entries.map((entry) => [entry.name, entry]));
  const measured = (name: string): Float32Array => {
    const { offset, size } = entries.get(name)!;
    const from = offset - layout.trainableLength;
    return pooled.slice(from, from + size);
  };
  return new Map(
    standInNorms(graph).flatMap(({ epsilon, runningMean, runningVariance, scale, shift }) => {
      const mean = measured(runningMean);
      const variance = measured(runningVariance);
      const wrong = mean.findIndex(
        (value, i) => !Number.isFinite(value) || !(variance[i]! >= 0 && variance[i]! < Infinity),
      );
      if (wrong !== -1) {
        throw new ProtocolError(
          "malformed-update",
          `the pooled statistics hold mean ${mean[wrong]} and variance ${variance[wrong]} in '${runningMean}' at channel ${wrong}: means are finite, variances not negative`,
          { tensor: runningMean, index: wrong },
        );
      }
      return [
        [scale, variance.map((value) => Math.sqrt(value + epsilon))] as const,
        [shift, mean] as const,
        [runningMean, mean] as const,
        [runningVariance, variance] as const,
      ];
    }),
  );
}

/**
 * Puts values of norms into a run of the state vector, in place.
 *
 * @param values those from `offset` of the state vector on
 */
export function putIdentityNorms(
  values: Float32Array,
  layout: StateLayout,
  norms: IdentityNorms,
  offset: number,
): void {
  for (const entry of layout.entries) {
    const given = norms.get(entry.name);
    if (given === undefined) continue;
    const from = Math.max(offset, entry.offset);
    const to = Math.min(offset + values.length, entry.offset + entry.size);
    if (from >= to) continue;
    values.set(given.subarray(from - entry.offset, to - entry.offset), from - offset);
  }
}
