import type { ImportedModel } from "../../protocol/formats/import-model.ts";
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
    for (const indices of inBatches(images.count, batchSize)) {
      signal?.throwIfAborted();
      const logits = await session.logits(
        "teacher",
        await plainBatch(images, indices, normalisation),
      );
      answers.set(largestOfRows(logits, classes), indices[0]);
      onProgress?.(indices[0]! + indices.length);
    }
  } finally {
    session.close();
  }
  return answers;
}

/** 0, 1, … count − 1, so many at a time. */
export function* inBatches(count: number, batchSize: number): Generator<readonly number[]> {
  for (let start = 0; start < count; start += batchSize) {
    const size = Math.min(batchSize, count - start);
    yield Array.from({ length: size }, (_, offset) => start + offset);
  }
}

/** For each row of `[n, classes]` the index of its largest value; the first of equals. */
export function largestOfRows(logits: Float32Array, classes: number): Uint32Array {
  return Uint32Array.from({ length: logits.length / classes }, (_, row) => {
    let best = row * classes;
    for (let index = best + 1; index < (row + 1) * classes; index++) {
      if (logits[index]! > logits[best]!) best = index;
    }
    return best - row * classes;
  });
}
