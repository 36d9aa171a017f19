import type { ImageShape } from "../../../protocol/model/graph.ts";
import type { Batch, ValueBatch } from "../engine.ts";
import { placedValues } from "./place-images.ts";

/**
 * A batch as the network sees it, with one perturbation added to every image.
 *
 * @param batch one that `checkBatch` lets pass
 * @param perturbation `[H, W, C]`
 */
export function perturbedBatch(
  batch: Batch,
  perturbation: Float32Array,
  shape: ImageShape,
): ValueBatch {
  const { length } = perturbation;
  const values = placedValues(batch, shape).map((value, i) => value + perturbation[i % length]!);
  return { values, size: batch.size };
}
