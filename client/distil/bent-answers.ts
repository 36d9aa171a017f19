import type { Session } from "../engine/engine.ts";
import { addPlaceGradient, warpImage } from "../engine/host/host-warp.ts";
import { placedValues } from "../engine/step/place-images.ts";
import { gatherOntoGrid, samplesOf, type WarpShape } from "../engine/host/warp-field.ts";
import { plainBatch } from "./normalise.ts";
import type { AnsweredImages, ScoreHooks } from "./teacher-answers.ts";
import { tallyAnswers, type Answers } from "./worst-perturbation.ts";

/**
 * The teacher's answers to images that a field of displacements bends, as `answersTo` has them for a
 * perturbation that is added; the gradient is by the field. One image at a time: an engine gives the
 * gradient by what is added to all images of a batch, and a field adds something else to each.
 *
 * @param field `[grid, grid, 2]`, pixels
 * @throws as `answersTo`.
 */
export async function bentAnswersTo(
  session: Session,
  seen: AnsweredImages,
  { beforeBatch, signal }: ScoreHooks,
  field: Float32Array,
  wantsGradient: boolean,
): Promise<Answers> {
  const { classes, images, indices, normalisation, references } = seen;
  const shape: WarpShape = { grid: Math.sqrt(field.length / 2), image: images };
  const samples = samplesOf(field, shape);
  const byPlace = new Float32Array(2 * images.height * images.width);
  const logits = new Float32Array(indices.length * classes);
  for (const [row, index] of indices.entries()) {
    await beforeBatch?.();
    signal?.throwIfAborted();
    const batch = await plainBatch(images, [index], normalisation);
    const values = placedValues(batch, images);
    const moved = new Float32Array(values.length);
    warpImage(values, 0, samples, moved);
    for (const [i, value] of values.entries()) moved[i]! -= value;
    const wanted = references.subarray(row * classes, (row + 1) * classes);
    const asked = wantsGradient ? wanted : undefined;
    const found = await session.perturbedLogits("teacher", batch, moved, asked);
    logits.set(found.logits, row * classes);
    if (found.gradient) addPlaceGradient(values, 0, samples, found.gradient, byPlace);
  }
  const gradient = gatherOntoGrid(byPlace, shape);
  return { ...tallyAnswers("teacher", seen, logits), gradient };
}
