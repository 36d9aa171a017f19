import type { Session } from "../engine/engine.ts";
import { placedValues } from "../engine/place-images.ts";
import { gatherOntoGrid, samplesOf, type Samples, type WarpShape } from "../engine/warp-field.ts";
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
    const batch = plainBatch(images, [index], normalisation);
    const values = placedValues(batch, images);
    const moved = bend(values, samples, images.channels).map((value, i) => value - values[i]!);
    const wanted = references.subarray(row * classes, (row + 1) * classes);
    const asked = wantsGradient ? wanted : undefined;
    const found = await session.perturbedLogits("teacher", batch, moved, asked);
    logits.set(found.logits, row * classes);
    if (found.gradient) addByPlace(byPlace, found.gradient, values, samples, images.channels);
  }
  const gradient = gatherOntoGrid(byPlace, shape);
  return { ...tallyAnswers("teacher", seen, logits), gradient };
}

/** Bilinear samples of an image `[H, W, C]`. */
function bend(values: Float32Array, samples: Samples, channels: number): Float32Array {
  const { corners, fractions } = samples;
  return Float32Array.from(values, (_, i) => {
    const pixel = Math.floor(i / channels);
    const channel = i % channels;
    const [a, b, c, d] = cornersOf(values, corners, pixel, channel, channels);
    const [down, right] = [fractions[2 * pixel]!, fractions[2 * pixel + 1]!];
    return (1 - down) * ((1 - right) * a + right * b) + down * ((1 - right) * c + right * d);
  });
}

/** Adds the gradient by the place that each pixel is taken from, `[H, W, 2]`. */
function addByPlace(
  sum: Float32Array,
  gradient: Float32Array,
  values: Float32Array,
  { corners, fractions, free }: Samples,
  channels: number,
): void {
  for (let i = 0; i < values.length; i++) {
    const pixel = Math.floor(i / channels);
    const [a, b, c, d] = cornersOf(values, corners, pixel, i % channels, channels);
    const [down, right] = [fractions[2 * pixel]!, fractions[2 * pixel + 1]!];
    const slopeDown = (1 - right) * (c - a) + right * (d - b);
    const slopeRight = (1 - down) * (b - a) + down * (d - c);
    sum[2 * pixel]! += gradient[i]! * slopeDown * free[2 * pixel]!;
    sum[2 * pixel + 1]! += gradient[i]! * slopeRight * free[2 * pixel + 1]!;
  }
}

function cornersOf(
  values: Float32Array,
  corners: Uint32Array,
  pixel: number,
  channel: number,
  channels: number,
): [number, number, number, number] {
  const at = (corner: number): number => values[corners[4 * pixel + corner]! * channels + channel]!;
  return [at(0), at(1), at(2), at(3)];
}
