import { sha256 } from "../../protocol/digest.ts";
import { resnet18 } from "../../protocol/model/architectures/resnet18.ts";
import type { Graph } from "../../protocol/model/graph.ts";
import { sizeOf } from "../../protocol/model/graph.ts";
import type { FloatEncoding } from "../../protocol/formats/float-encodings.ts";
import { writeSafetensors, type TensorToWrite } from "../../protocol/formats/safetensors/writer.ts";

/** A small seeded generator, so that every run tests the same numbers. */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
}

export interface TinyModel {
  readonly graph: Graph;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly digest: string;
}

/** A ResNet-18 of width 1 with arbitrary weights, positive variances and a step counter. */
export function tinyModel(
  options: {
    seed?: number;
    width?: number;
    classes?: number;
    dtype?: FloatEncoding;
    change?: (tensors: TensorToWrite[]) => void;
  } = {},
): TinyModel {
  const graph = resnet18({ width: options.width ?? 1, classes: options.classes ?? 3 });
  const next = numbers(options.seed ?? 1);
  const dtype = options.dtype ?? "F32";
  const tensors: TensorToWrite[] = graph.parameters.map(({ name, role, shape }) => {
    const values = Float32Array.from({ length: sizeOf(shape) }, () =>
      role === "running-variance" ? next() + 1 : next(),
    );
    return { name, shape, dtype, values };
  });
  // PyTorch files carry these; they must come back untouched.
  const counter = new Uint8Array(8);
  counter[0] = 7;
  tensors.splice(5, 0, {
    name: "bn1.num_batches_tracked",
    shape: [],
    dtype: "I64",
    bytes: counter,
  });
  options.change?.(tensors);
  const bytes = writeSafetensors(tensors, { format: "pt" });
  return { graph, bytes, digest: sha256(bytes) };
}
