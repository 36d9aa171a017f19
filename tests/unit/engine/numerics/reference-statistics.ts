import type { Graph } from "../../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../../protocol/model/state-layout.ts";
import type { ReferencePass } from "./reference-network.ts";
import { normMoments } from "./reference-operations.ts";

/** What each batch norm of a pass read, as a batch: see `Session.channelStatistics`. */
export function statisticsOf(
  { operations }: Graph,
  { entries, length, trainableLength }: StateLayout,
  { values }: ReferencePass,
): { readonly statistics: Float32Array; readonly normSpread: number } {
  const statistics = new Float32Array(length - trainableLength);
  let normSpread = Infinity;
  for (const operation of operations) {
    if (operation.kind !== "batch-norm") continue;
    const x = values.get(operation.input)!;
    const images = x.shape[0]!;
    const { mean, variance, count } = normMoments(x, images, images)[0]!;
    const put = (name: string, found: Float64Array): void => {
      const { offset } = entries.find((entry) => entry.name === name)!;
      statistics.set(found, offset - trainableLength);
    };
    put(operation.runningMean, mean);
    put(
      operation.runningVariance,
      variance.map((value) => (value * count) / (count - 1)),
    );
    mean.forEach((value, c) => {
      normSpread = Math.min(normSpread, variance[c]! / value ** 2);
    });
  }
  return { statistics, normSpread };
}
