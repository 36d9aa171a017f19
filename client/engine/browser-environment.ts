import { EngineError } from "./engine-error.ts";
import type { EngineEnvironment, WasmLocation } from "./environment.ts";

/**
 * The environment of a page or a dedicated worker.
 *
 * @param wasm where the page serves tfjs' wasm binary.
 *
 * @example
 * import simd from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url";
 * const environment = browserEnvironment(simd);
 */
export function browserEnvironment(wasm: WasmLocation): EngineEnvironment {
  return {
    wasm,
    gpu: async () => {
      const { gpu } = navigator as { readonly gpu?: GPU };
      if (gpu) return gpu;
      throw new EngineError(
        "backend-unavailable",
        isSecureContext
          ? "this browser has no WebGPU"
          : "WebGPU needs a secure page; open it over https or on localhost",
      );
    },
  };
}
