import { sha256 } from "../../protocol/digest.ts";
import { importModel } from "../../protocol/formats/import-model.ts";
import { sizeOf } from "../../protocol/model/graph.ts";
import { bundleOf } from "../fixtures/folder-in-memory.ts";
import { numbers, type TinyModel } from "./tiny-model.ts";

const layer = (className: string, name: string, config: object) => ({
  class_name: className,
  config: { name, ...config },
});

const WEIGHTS = [
  ["conv/kernel", [3, 3, 3, 4]],
  ["norm/gamma", [4]],
  ["norm/beta", [4]],
  ["norm/moving_mean", [4]],
  ["norm/moving_variance", [4]],
  ["dense/kernel", [4, 3]],
  ["dense/bias", [3]],
] as const;

/** A small layers model of TensorFlow.js, its weights in two shards of which one is cut within a value. */
export async function tfjsModel(): Promise<TinyModel> {
  const next = numbers(4);
  const weights = WEIGHTS.map(([name, shape]) => ({ name, shape, dtype: "float32" }));
  const values = WEIGHTS.flatMap(([name, shape]) =>
    Array.from({ length: sizeOf(shape) }, () => next() + (name.endsWith("variance") ? 1 : 0)),
  );
  const data = new Uint8Array(Float32Array.from(values).buffer);
  const input = { batch_input_shape: [null, 32, 32, 3] };
  const strides = { kernel_size: 3, strides: 2, padding: "same", use_bias: false };
  const modelTopology = {
    class_name: "Sequential",
    config: {
      name: "tiny",
      layers: [
        layer("Conv2D", "conv", { ...input, filters: 4, ...strides }),
        layer("BatchNormalization", "norm", { epsilon: 1e-3 }),
        layer("ReLU", "relu", {}),
        layer("GlobalAveragePooling2D", "pool", {}),
        layer("Dense", "dense", { units: 3, activation: "softmax" }),
      ],
    },
  };
  const bytes = new Uint8Array(
    await bundleOf({
      "model.json": { modelTopology, weightsManifest: [{ paths: ["a.bin", "b.bin"], weights }] },
      "a.bin": data.slice(0, 101),
      "b.bin": data.slice(101),
    }),
  );
  return { graph: (await importModel(bytes)).graph, bytes, digest: sha256(bytes) };
}
