import type { Graph } from "../../protocol/model/graph.ts";
import { inferShapes } from "../../protocol/model/infer-shapes.ts";
import { sizeOf } from "../../protocol/model/graph.ts";
import type { StateLayout } from "../../protocol/model/state-layout.ts";
import type { Session } from "../engine/engine.ts";
import type { ImageSet } from "../images/image-set.ts";
import { plainBatch, type Normalisation } from "./normalise.ts";

/** A batch norm's statistics in a statistics section: where they lie, and what an image adds. */
interface NormPlace {
  readonly means: number;
  readonly variances: number;
  readonly channels: number;
  /** Positions of an image, each of which is one value a channel. */
  readonly positions: number;
}

export interface StatisticsOptions {
  readonly session: Pick<Session, "channelStatistics">;
  readonly graph: Graph;
  readonly layout: StateLayout;
  readonly images: ImageSet;
  /** Which of them, `[n]`; at least 2. */
  readonly indices: Uint32Array;
  readonly normalisation: Normalisation;
  /** Most images at once. */
  readonly batchSize: number;
}

export interface StatisticsHooks {
  readonly signal?: AbortSignal;
  /** Awaited before every batch: the device idles until it resolves. */
  readonly beforeBatch?: () => Promise<void>;
  /** Told of the images measured so far. */
  readonly onImages?: (done: number, total: number) => void;
}

/**
 * Means and unbiased variances of what the teacher's batch norms read, in evaluation mode, over images
 * as they are (SPEC B2). Batches are merged by counts, means and sums of squared distances in float64
 * (Chan, Golub and LeVeque 1979), so that nothing is lost where a mean is large beside its deviation.
 *
 * @returns values [layout.trainableLength, layout.length) of a state vector
 * @throws the signal's reason when it aborts, between batches; EngineError from the session.
 *
 * @example
 * const statistics = await channelStatistics({ session, graph, layout, images, indices, normalisation, batchSize: 64 });
 */
export async function channelStatistics(
  { session, graph, layout, images, indices, normalisation, batchSize }: StatisticsOptions,
  { signal, beforeBatch, onImages }: StatisticsHooks = {},
): Promise<Float32Array<ArrayBuffer>> {
  const norms = normPlaces(graph, layout);
  const length = layout.length - layout.trainableLength;
  /** In the places of the variances, sums of squared distances from the mean. */
  const pooled = new Float64Array(length);
  let done = 0;
  for (const { first, end } of evenRanges(indices.length, batchSize)) {
    await beforeBatch?.();
    signal?.throwIfAborted();
    const batch = await plainBatch(images, [...indices.subarray(first, end)], normalisation);
    const found = await session.channelStatistics(batch);
    for (const norm of norms) merge(pooled, done, found, end - first, norm);
    done = end;
    onImages?.(done, indices.length);
  }
  const statistics = Float32Array.from(pooled);
  for (const { channels, positions, variances } of norms) {
    for (let at = variances; at < variances + channels; at++) {
      statistics[at] = pooled[at]! / (done * positions - 1);
    }
  }
  return statistics;
}

function normPlaces(graph: Graph, layout: StateLayout): readonly NormPlace[] {
  const shapes = inferShapes(graph);
  const offsets = new Map(layout.entries.map(({ name, offset }) => [name, offset]));
  const at = (name: string): number => offsets.get(name)! - layout.trainableLength;
  return graph.operations.flatMap((operation) => {
    if (operation.kind !== "batch-norm") return [];
    const shape = shapes.get(operation.input)!;
    const channels = shape.at(-1)!;
    const positions = sizeOf(shape) / channels;
    const means = at(operation.runningMean);
    return [{ means, variances: at(operation.runningVariance), channels, positions }];
  });
}

/** Adds a batch's statistics to those of the images before. */
function merge(
  pooled: Float64Array,
  imagesBefore: number,
  found: Float32Array,
  images: number,
  { means, variances, channels, positions }: NormPlace,
): void {
  const before = imagesBefore * positions;
  const more = images * positions;
  for (let c = 0; c < channels; c++) {
    const shift = found[means + c]! - pooled[means + c]!;
    const squares = found[variances + c]! * (more - 1);
    pooled[means + c]! += (shift * more) / (before + more);
    pooled[variances + c]! += squares + (shift * shift * before * more) / (before + more);
  }
}

/** Runs of at most `most`, as equal as may be, so that none is a single image. */
function evenRanges(count: number, most: number): { first: number; end: number }[] {
  const runs = Math.ceil(count / most);
  const cut = (run: number): number => Math.floor((run * count) / runs);
  return Array.from({ length: runs }, (_, run) => ({ first: cut(run), end: cut(run + 1) }));
}
