import { describe, expect, it } from "vitest";
import { EngineError } from "../../../client/engine/engine-error.ts";
import type { EngineEnvironment } from "../../../client/engine/environment.ts";
import { nodeEnvironment } from "../../../client/engine/node-environment.ts";
import { openEngine } from "../../../client/engine/open-engine.ts";

const NO_GPU = async (): Promise<GPU> => {
  throw new EngineError("backend-unavailable", "this browser has no WebGPU");
};

/** A GPU with one adapter, as far as it is looked at before a device is asked for. */
function gpuWith(info: Partial<GPUAdapterInfo> | undefined): () => Promise<GPU> {
  const adapter = info && { info };
  return async () => ({ requestAdapter: async () => adapter ?? null }) as unknown as GPU;
}

describe("opening an engine", () => {
  const { wasm } = nodeEnvironment();

  it("takes WebAssembly when there is no GPU", async () => {
    const engine = await openEngine({ backend: "auto", environment: { wasm, gpu: NO_GPU } });
    expect(engine.backend).toBe("wasm");
    expect(engine.adapter).toBe("WebAssembly SIMD, 1 thread");
    await engine.close();
  });

  it.each([
    { isFallbackAdapter: true, description: "a fallback" },
    { isFallbackAdapter: false, architecture: "swiftshader", description: "" },
    { isFallbackAdapter: false, architecture: "", description: "llvmpipe (LLVM 15)" },
  ])("counts a GPU in software as none: %o", async (info) => {
    const environment: EngineEnvironment = { wasm, gpu: gpuWith(info) };
    const engine = await openEngine({ backend: "auto", environment });
    expect(engine.backend).toBe("wasm");
  });

  it("says what was tried and why not, and does not fall back to cpu", async () => {
    const environment = { wasm: undefined, gpu: gpuWith(undefined) };
    await expect(openEngine({ backend: "auto", environment })).rejects.toThrow(
      /webgpu: WebGPU offers no adapter here; wasm: no wasm binary is served here.*'cpu'/,
    );
  });

  it("does not try another backend than the one asked for by name", async () => {
    const environment: EngineEnvironment = { wasm, gpu: NO_GPU };
    await expect(openEngine({ backend: "webgpu", environment })).rejects.toThrow("no WebGPU");
  });

  it("opens cpu by name, without anything from its environment", async () => {
    const environment: EngineEnvironment = { wasm: undefined, gpu: NO_GPU };
    const engine = await openEngine({ backend: "cpu", environment });
    expect(engine.backend).toBe("cpu");
  });
});
