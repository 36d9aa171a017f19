import * as tf from "@tensorflow/tfjs-core";
import type { Rank, Tensor } from "@tensorflow/tfjs-core";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";

/** Direct access to the values of tensors whose backend keeps them in the host's memory. */
export interface HostMemory {
  /**
   * The tensor's values, in place. Valid until the next allocation only: growing the
   * WebAssembly heap detaches earlier views.
   */
  view(tensor: Tensor): Float32Array;
  /** A tensor of that shape with unspecified values. */
  empty<R extends Rank>(shape: tf.ShapeMap[R]): tf.Tensor<R>;
}

/** @throws Error when a tensor lies elsewhere than the release that the project pins puts it. */
export function wasmMemory(backend: BackendWasm): HostMemory {
  return {
    view: (tensor) => asFloats(backend.typedArrayFromHeap(tensor)),
    empty: <R extends Rank>(shape: tf.ShapeMap[R]) =>
      tf
        .engine()
        .makeTensorFromTensorInfo(
          backend.makeOutput(shape as number[], "float32"),
          backend,
        ) as tf.Tensor<R>,
  };
}

function asFloats(values: unknown): Float32Array {
  if (values instanceof Float32Array) return values;
  throw new Error("a tensor of tfjs' WebAssembly is not float32 in memory");
}
