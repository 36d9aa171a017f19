import * as tf from "@tensorflow/tfjs";
import type { Files } from "../../../../fixtures/folder-in-memory.ts";

await tf.setBackend("cpu");
tf.enableProdMode();

/** A model's files as TensorFlow.js saves them, in shards that are cut anywhere. */
export async function savedByTfjs(
  model: tf.LayersModel,
  cuts: readonly number[] = [],
): Promise<Files> {
  let files: Files = {};
  await model.save(
    tf.io.withSaveHandler((artifacts) => {
      const data = new Uint8Array(artifacts.weightData as ArrayBuffer);
      files = modelFiles(artifacts.modelTopology as object, artifacts.weightSpecs!, data, cuts);
      const modelArtifactsInfo = { dateSaved: new Date(0), modelTopologyType: "JSON" as const };
      return Promise.resolve({ modelArtifactsInfo });
    }),
  );
  return files;
}

/** `model.json` and its shards. */
export function modelFiles(
  modelTopology: object,
  weights: readonly tf.io.WeightsManifestEntry[],
  data: Uint8Array,
  cuts: readonly number[] = [],
  more: object = {},
): Files {
  const ends = [...cuts, data.length];
  const paths = ends.map((_, i) => `group1-shard${i + 1}of${ends.length}.bin`);
  const shards = paths.map((path, i) => [path, data.slice(ends[i - 1] ?? 0, ends[i])]);
  return {
    "model.json": { ...more, modelTopology, weightsManifest: [{ paths, weights }] },
    ...Object.fromEntries(shards),
  };
}

/** Weights that a model may have after training: no ones and zeros, variances positive. */
export function scatter(model: tf.LayersModel): void {
  for (const weight of model.weights) {
    const values = tf.randomUniform(weight.shape as number[], -0.5, 0.5, "float32", 7);
    const isVariance = weight.name.includes("variance");
    weight.write(isVariance ? tf.add(tf.abs(values), 0.5) : values);
  }
}

/** Pictures of this shape, of values 0 to 255, the same every time. */
export function pixels(count: number, side: number): Uint8Array {
  return Uint8Array.from(
    { length: count * side * side * 3 },
    (_, i) => (i * 37 + ((i * i) >> 4)) % 256,
  );
}

/** What pixels become before a model reads them. */
export function asRead(
  bytes: Uint8Array,
  side: number,
  scaled: (pixel: number) => number,
): tf.Tensor4D {
  return tf.tensor4d(Float32Array.from(bytes, scaled), [
    bytes.length / (side * side * 3),
    side,
    side,
    3,
  ]);
}
