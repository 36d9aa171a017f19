import type * as Dawn from "webgpu";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { EngineError } from "./engine-error.ts";
import type { EngineEnvironment } from "./environment.ts";

/**
 * The environment of Node: tfjs' own wasm binary, and WebGPU through the optional package `webgpu`
 * (Dawn). `VK_ICD_FILENAMES` chooses the Vulkan driver, and with it the adapter.
 *
 * @example
 * const engine = await openEngine({ backend: "wasm", environment: nodeEnvironment() });
 */
export function nodeEnvironment(): EngineEnvironment {
  const require = createRequire(import.meta.url);
  const manifest = require.resolve("@tensorflow/tfjs-backend-wasm/package.json");
  const wasm = join(dirname(manifest), "dist", "tfjs-backend-wasm-simd.wasm");
  return { wasm, gpu: () => (dawn ??= openDawn()) };
}

// One instance for the process: Dawn's objects must outlive every device made from them.
let dawn: Promise<GPU> | undefined;

async function openDawn(): Promise<GPU> {
  let dawnModule: Pick<typeof Dawn, "create" | "globals">;
  try {
    dawnModule = await import("webgpu");
  } catch (cause) {
    throw new EngineError(
      "backend-unavailable",
      "Node has no WebGPU of its own and the optional package 'webgpu' could not be loaded; " +
        "install it with 'npm install webgpu', or use the wasm backend",
      { cause },
    );
  }
  const gpu = dawnModule.create([]);
  // tfjs looks for both where a browser has them.
  Object.assign(globalThis, dawnModule.globals);
  Object.defineProperty(globalThis.navigator, "gpu", { value: gpu, configurable: true });
  return gpu;
}
