import * as tf from "@tensorflow/tfjs-core";
import type { Rank, Tensor } from "@tensorflow/tfjs-core";
import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { EngineError } from "../engine-error.ts";

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

/** Memory that generated WebAssembly can work on. */
export interface WasmMemory extends HostMemory {
  readonly memory: WebAssembly.Memory;
  /** The tensor's first byte; unlike views, good for as long as the tensor. */
  address(tensor: Tensor): number;
}

/** @throws EngineError `backend-unavailable` when the module does not export its memory. */
export function wasmMemory(backend: BackendWasm): WasmMemory {
  const { asm } = backend.wasm as unknown as { readonly asm?: { readonly memory?: unknown } };
  if (!(asm?.memory instanceof WebAssembly.Memory)) {
    throw new EngineError(
      "backend-unavailable",
      "tfjs-backend-wasm no longer exports its memory; use the release this project pins",
    );
  }
  return {
    memory: asm.memory,
    address: (tensor) => backend.getMemoryOffset(tensor.dataId),
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

export function cpuMemory(backend: MathBackendCPU): HostMemory {
  return {
    view: (tensor) => asFloats(backend.data.get(tensor.dataId).values),
    empty: <R extends Rank>(shape: tf.ShapeMap[R]) => {
      const values = new Float32Array((shape as number[]).reduce((a, b) => a * b, 1));
      return tf.tensor<R>(values, shape, "float32");
    },
  };
}

function asFloats(values: unknown): Float32Array {
  if (values instanceof Float32Array) return values;
  throw new EngineError("device-failed", "a tensor of the engine is not float32 in memory");
}
