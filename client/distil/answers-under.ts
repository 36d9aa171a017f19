import type { Session } from "../engine/engine.ts";
import { warpImage } from "../engine/host/host-warp.ts";
import { samplesOf } from "../engine/host/warp-field.ts";
import { placedValues } from "../engine/step/place-images.ts";
import { plainBatch } from "./normalise.ts";
import { batchRanges, type AnsweredImages, type ScoreHooks } from "./teacher-answers.ts";
import { answersTo, tallyAnswers } from "./worst-perturbation.ts";

export type Model = "teacher" | "student";

/** Whether what misleads the teacher is added to images, or bends them (SPEC D9.7, D9.8). */
export type WayKind = "shortcuts" | "bends";

/** A model's classes of all images under a disturbance, `[n]`, and how many keep the teacher's clean answer. */
export interface Disturbed {
  readonly classes: Uint32Array;
  readonly agreed: number;
}

/**
 * What a model makes of images under one of the ways in which the teacher is misled.
 *
 * @param way `values`: `[H, W, C]` in normalised units, or of a bend `[grid, grid, 2]` in pixels
 * @throws as `answersTo`.
 */
export function answersUnder(
  session: Session,
  which: Model,
  seen: AnsweredImages,
  { kind, values }: { readonly kind: WayKind; readonly values: Float32Array },
  hooks: ScoreHooks,
): Promise<Disturbed> {
  return kind === "bends"
    ? bentAnswers(session, which, seen, values, hooks)
    : answersTo(session, which, seen, hooks, values, false);
}

/** A batch at a time: without a gradient no image needs to stand alone. */
async function bentAnswers(
  session: Session,
  which: Model,
  seen: AnsweredImages,
  field: Float32Array,
  { beforeBatch, signal }: ScoreHooks,
): Promise<Disturbed> {
  const { classes, images, indices, normalisation } = seen;
  const samples = samplesOf(field, { grid: Math.sqrt(field.length / 2), image: images });
  const logits = new Float32Array(indices.length * classes);
  for (const { first, end } of batchRanges(seen)) {
    await beforeBatch?.();
    signal?.throwIfAborted();
    const batch = await plainBatch(images, [...indices.subarray(first, end)], normalisation);
    const values = placedValues(batch, images);
    const bent = new Float32Array(values.length);
    for (let from = 0; from < values.length; from += seen.values) {
      warpImage(values, from, samples, bent.subarray(from, from + seen.values));
    }
    logits.set(await session.logits(which, { values: bent, size: batch.size }), first * classes);
  }
  return tallyAnswers(which, seen, logits);
}
