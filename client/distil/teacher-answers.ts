import type { Session } from "../engine/engine.ts";
import { imageSize, type ImageSet } from "../images/image-set.ts";
import { plainBatch, type Normalisation } from "./normalise.ts";

/** Images that models are asked about; the pixels stay in the set they came in. */
export interface ImagePool {
  readonly images: ImageSet;
  /** Which of them, `[n]`. */
  readonly indices: Uint32Array;
  readonly normalisation: Normalisation;
  /** Most images at once. */
  readonly batchSize: number;
}

/** Images with the teacher's clean answers to them. */
export interface AnsweredImages extends ImagePool {
  readonly classes: number;
  /** `[n, classes]`: the teacher's softmax at temperature 1. */
  readonly references: Float32Array;
  /** `[n]`: its classes. */
  readonly answers: Uint32Array;
  /** Numbers of one image, H·W·C. */
  readonly values: number;
}

export interface ScoreHooks {
  /** Checked before every batch; its reason is thrown. */
  readonly signal?: AbortSignal;
  /** Awaited before every batch: a host pauses scoring by not resolving it. */
  readonly beforeBatch?: () => Promise<void> | void;
  /** Told after every pass over the images, and every search in the teacher; of how many at most. */
  readonly onPass?: (done: number, total: number) => void;
}

/**
 * Asks the teacher about images, without augmentation. Its answers never change, so once is enough.
 *
 * @throws RangeError for an empty pool; EngineError from the session; the signal's reason when it aborts.
 *
 * @example
 * const seen = await askTeacher(session, { images, indices, normalisation, batchSize: 64 });
 */
export async function askTeacher(
  session: Session,
  pool: ImagePool,
  { beforeBatch, signal }: ScoreHooks = {},
): Promise<AnsweredImages> {
  const { images, indices, normalisation } = pool;
  const count = indices.length;
  if (count === 0) throw new RangeError("there are no images to ask the teacher about");
  const answers = new Uint32Array(count);
  let references = new Float32Array(0);
  let classes = 0;
  for (const { first, end } of batchRanges(pool)) {
    await beforeBatch?.();
    signal?.throwIfAborted();
    const batch = await plainBatch(images, [...indices.subarray(first, end)], normalisation);
    const logits = await session.logits("teacher", batch);
    if (first === 0) {
      classes = logits.length / (end - first);
      references = new Float32Array(count * classes);
    }
    for (let row = 0; row < end - first; row++) {
      const of = logits.subarray(row * classes, (row + 1) * classes);
      answers[first + row] = largest(of);
      references.set(Float32Array.from(logSoftmax(of), Math.exp), (first + row) * classes);
    }
  }
  return { ...pool, classes, references, answers, values: imageSize(images) };
}

/** So many, spread evenly: files come sorted by class where nobody shuffles them. */
export function evenly(indices: Uint32Array, count: number): Uint32Array {
  const taken = Math.min(count, indices.length);
  return Uint32Array.from(
    { length: taken },
    (_, i) => indices[Math.floor((i * indices.length) / taken)]!,
  );
}

/** The first so many of them. */
export function firstImages(images: AnsweredImages, count: number): AnsweredImages {
  const { answers, classes, indices, references } = images;
  return {
    ...images,
    indices: indices.subarray(0, count),
    references: references.subarray(0, count * classes),
    answers: answers.subarray(0, count),
  };
}

/** Runs of images that are looked at together, in order. */
export function batchRanges({
  indices,
  batchSize,
}: Pick<ImagePool, "indices" | "batchSize">): { readonly first: number; readonly end: number }[] {
  return Array.from({ length: Math.ceil(indices.length / batchSize) }, (_, i) => ({
    first: i * batchSize,
    end: Math.min((i + 1) * batchSize, indices.length),
  }));
}

/** Index of the largest value; the first of equals. */
export function largest(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** Logarithm of the softmax of one row, in float64. */
export function logSoftmax(logits: Float32Array): Float64Array {
  const top = logits[largest(logits)]!;
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - top);
  const shift = top + Math.log(sum);
  return Float64Array.from(logits, (value) => value - shift);
}
