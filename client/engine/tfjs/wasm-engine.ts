import * as tf from "@tensorflow/tfjs-core";
import { BackendWasm, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import type { Engine } from "../engine.ts";
import { EngineError } from "../engine-error.ts";
import type { WasmLocation } from "../environment.ts";
import { HostKernels } from "./host-kernels.ts";
import { wasmMemory } from "./host-memory.ts";
import { TfjsSession, useBackend } from "./session.ts";

const SIMD_BINARY = "tfjs-backend-wasm-simd.wasm";

/** WebAssembly on one thread; one instance serves every engine of the process or worker. */
export async function openWasmEngine(location: WasmLocation): Promise<Engine> {
  const simd = await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT");
  const offered = typeof location === "string" ? { [SIMD_BINARY]: location } : location;
  const binary = simd ? offered[SIMD_BINARY] : offered["tfjs-backend-wasm.wasm"];
  if (binary === undefined) {
    throw new EngineError(
      "backend-unavailable",
      "TensorFlow.js' WebAssembly wants SIMD, which this browser lacks",
    );
  }
  // Threads would need cross-origin isolation and scripts from blobs, which our pages forbid.
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  // Keeps tfjs from advising its users on the console.
  tf.enableProdMode();
  // tfjs wants all three named, though only one is ever fetched.
  setWasmPaths({
    [SIMD_BINARY]: binary,
    "tfjs-backend-wasm-threaded-simd.wasm": binary,
    "tfjs-backend-wasm.wasm": binary,
  });
  const opened = await tf.setBackend("wasm");
  const backend = opened ? tf.backend() : undefined;
  if (!(backend instanceof BackendWasm)) {
    throw new EngineError(
      "backend-unavailable",
      `the wasm module could not be started from ${binary}; see that it is there and is served as ` +
        "application/wasm",
    );
  }
  const kernels = new HostKernels(wasmMemory(backend));
  return {
    backend: "tfjs-wasm",
    adapter: `TensorFlow.js on WebAssembly${simd ? "" : " without SIMD"}, 1 thread`,
    openSession: (options) => {
      useBackend("wasm");
      return new TfjsSession("wasm", kernels, options);
    },
    close: async () => {},
  };
}
