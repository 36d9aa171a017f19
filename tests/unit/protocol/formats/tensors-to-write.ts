import type { Graph } from "../../../../protocol/model/graph.ts";
import { sizeOf } from "../../../../protocol/model/graph.ts";
import type { FloatEncoding } from "../../../../protocol/formats/float-encodings.ts";
import type { TensorToWrite } from "../../../../protocol/formats/safetensors/writer.ts";

/** The graph's parameters as tensors to write, with small whole values that every dtype holds. */
export function tensorsOf(graph: Graph, dtype: FloatEncoding = "F32"): TensorToWrite[] {
  return graph.parameters.map(({ name, shape }) => ({
    name,
    shape,
    dtype,
    values: Float32Array.from({ length: sizeOf(shape) }, (_, i) => (i * 7 + name.length) % 50),
  }));
}

/** A step counter as PyTorch saves it beside the running statistics. */
export function stepCounter(name: string, steps: bigint): TensorToWrite {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, steps, true);
  return { name, dtype: "I64", shape: [], bytes };
}
