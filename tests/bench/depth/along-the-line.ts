import { augmentedBatch } from "../../../client/distil/augment.ts";
import { ShuffledBatches } from "../../../client/distil/batches.ts";
import type { Normalisation } from "../../../client/distil/normalise.ts";
import type { Engine } from "../../../client/engine/engine.ts";
import type { LoadedImages } from "../../../client/images/image-set.ts";
import type { ImportedModel } from "../../../protocol/formats/import-model.ts";
import { augmentationFor } from "../../../protocol/round/augmentation.ts";
import type { RandomStream } from "../../../protocol/random/random-stream.ts";

/** Batches that running statistics are estimated anew by: (1 − .1)⁴⁰ leaves 1.5 % of the old ones. */
const BATCHES = 40;
const BATCH_SIZE = 64;

/** What has running statistics estimated anew for it. */
export interface Estimation {
  readonly pool: LoadedImages;
  /** Whether images may be mirrored. */
  readonly flip: boolean;
  readonly normalisation: Normalisation;
  readonly random: RandomStream;
  readonly signal: AbortSignal;
}

/**
 * The student that lies a share of the way from a teacher to its cleansed student (linear mode connectivity;
 * Frankle et al., ICML 2020): trainable values in between, running statistics estimated anew on images as
 * they are trained on, since those of the two ends belong to neither.
 *
 * @param share 0 is the teacher, 1 the student
 * @returns the whole state vector.
 * @throws EngineError from the session; the signal's reason when it aborts.
 */
export async function onTheLine(
  engine: Engine,
  { graph, layout, state: from }: Pick<ImportedModel, "graph" | "layout" | "state">,
  to: Float32Array,
  share: number,
  { flip, normalisation, pool, random, signal }: Estimation,
): Promise<Float32Array> {
  const between = to.map((value, i) =>
    i < layout.trainableLength ? from[i]! + share * (value - from[i]!) : value,
  );
  if (layout.trainableLength === layout.length) return between;
  const batches = new ShuffledBatches(pool.count, random);
  const augmentation = augmentationFor({ horizontalFlip: flip }, graph.inputShape);
  const session = engine.openSession({ graph, layout, teacher: from });
  try {
    session.load(between);
    for (let i = 0; i < BATCHES; i++) {
      signal.throwIfAborted();
      const indices = batches.next(Math.min(BATCH_SIZE, pool.count));
      const batch = await augmentedBatch(pool, indices, normalisation, augmentation, random);
      // A gradient without a step: the pass in training mode moves running statistics alone.
      await session.gradient(batch, { temperature: 1, weightDecay: 0 });
    }
    const { state } = await session.read();
    return state;
  } finally {
    session.close();
  }
}
