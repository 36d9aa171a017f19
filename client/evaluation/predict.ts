import type { ImportedModel } from "../../protocol/model/model-import.ts";
import type { ImageSet } from "../images/image-set.ts";
import { plainBatch, type Normalisation } from "../distil/normalise.ts";
import type { Engine } from "../engine/engine.ts";

export interface PredictOptions {
  readonly normalisation: Normalisation;
  /** Images at once; default 100. */
  readonly batchSize?: number;
  /** Images answered so far. */
  readonly onProgress?: (images: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * A model's answers in evaluation mode.
 *
 * @returns the class with the largest logit for every image, in order.
 *
 * @example
 * const classes = await predictClasses(engine, model, images, { normalisation });
 */
export async function predictClasses(
  engine: Engine,
  model: Pick<ImportedModel, "graph" | "layout" | "state">,
  images: ImageSet,
  { normalisation, batchSize = 100, onProgress, signal }: PredictOptions,
): Promise<Uint32Array> {
  const { classes } = model.graph;
  const answers = new Uint32Array(images.count);
  const session = engine.openSession({ ...model, teacher: model.state });
  try {
    for (let start = 0; start < images.count; start += batchSize) {
      signal?.throwIfAborted();
      const size = Math.min(batchSize, images.count - start);
      const indices = Array.from({ length: size }, (_, offset) => start + offset);
      const logits = await session.logits("teacher", plainBatch(images, indices, normalisation));
      for (let row = 0; row < size; row++) {
        answers[start + row] = largest(logits.subarray(row * classes, (row + 1) * classes));
      }
      onProgress?.(start + size);
    }
  } finally {
    session.close();
  }
  return answers;
}

/** Index of the largest value; the first of equals. */
function largest(values: Float32Array): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) {
    if (values[index]! > values[best]!) best = index;
  }
  return best;
}
