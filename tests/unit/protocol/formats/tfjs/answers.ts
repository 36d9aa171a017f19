import * as tf from "@tensorflow/tfjs";
import { tfjsJudge } from "../../../../../client/judge/tfjs-judge.ts";
import type { ImportedModel } from "../../../../../protocol/formats/import-model.ts";

/** Logits of an imported model, by the reference definitions of its operations. */
export async function logitsOf(model: ImportedModel, bytes: Uint8Array): Promise<Float32Array> {
  const { graph, preprocessing } = model;
  const { channels, height, width } = graph.inputShape;
  const { mean = [0, 0, 0], range, std = [1, 1, 1] } = preprocessing;
  const count = bytes.length / (height * width * channels);
  const judged = tfjsJudge(tf).read(model);
  const indices = Array.from({ length: count }, (_, i) => i);
  const images = { height, width, channels, count, pixels: bytes };
  const logits = await judged.logits(images, indices, { mean, std, range });
  judged.close();
  return logits;
}

/** The probabilities that logits are of, row by row. */
export function softmax(logits: Float32Array, classes: number): Float32Array {
  return tf.softmax(tf.tensor2d(logits, [logits.length / classes, classes])).dataSync<"float32">();
}

/** The largest distance between two rows of numbers. */
export function distance(one: Float32Array, other: Float32Array): number {
  return one.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0);
}
