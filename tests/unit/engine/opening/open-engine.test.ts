import { describe, expect, it, vi } from "vitest";
import { EngineError } from "../../../../client/engine/engine-error.ts";
import type { EngineEnvironment } from "../../../../client/engine/environment.ts";
import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import { measureEngine } from "../../../../client/engine/opening/measure-engine.ts";
import { openEngine, type BackendTrial } from "../../../../client/engine/opening/open-engine.ts";

const NO_GPU = async (): Promise<GPU> => {
  throw new EngineError("backend-unavailable", "this browser has no WebGPU");
};

/** A GPU with one adapter, as far as it is looked at before a device is asked for. */
function gpuWith(info: Partial<GPUAdapterInfo> | undefined): () => Promise<GPU> {
  const adapter = info && { info };
  return async () => ({ requestAdapter: async () => adapter ?? null }) as unknown as GPU;
}

describe("opening an engine", () => {
  it("takes WebAssembly when there is no GPU", async () => {
    const engine = await openEngine({ backend: "auto", environment: { gpu: NO_GPU } });
    expect(engine.backend).toBe("wasm");
    expect(engine.adapter).toMatch(/^WebAssembly SIMD.*, 1 thread$/);
    await engine.close();
  });

  it.each([
    { isFallbackAdapter: true, description: "a fallback" },
    { isFallbackAdapter: false, architecture: "swiftshader", description: "" },
    { isFallbackAdapter: false, architecture: "", description: "llvmpipe (LLVM 15)" },
  ])("counts a GPU in software as none: %o", async (info) => {
    const environment: EngineEnvironment = { gpu: gpuWith(info) };
    const engine = await openEngine({ backend: "auto", environment });
    expect(engine.backend).toBe("wasm");
  });

  it("says what was tried and why not", async () => {
    const environment = { gpu: gpuWith(undefined) };
    const validate = vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    const trials: BackendTrial[] = [];
    const onTrial = (trial: BackendTrial): void => void trials.push(trial);
    await expect(openEngine({ backend: "auto", environment, onTrial })).rejects.toThrow(
      /webgpu: WebGPU offers no adapter here; wasm: WebAssembly has no SIMD here/,
    );
    validate.mockRestore();
    expect(trials.map(({ backend }) => backend)).toEqual(["webgpu", "wasm"]);
  });

  it("needs no comparison where one backend is all there is", async () => {
    const trials: BackendTrial[] = [];
    const engine = await openEngine({
      backend: "auto",
      environment: { gpu: NO_GPU },
      onTrial: (trial) => void trials.push(trial),
    });
    expect(trials).toEqual([
      { backend: "webgpu", refusal: "this browser has no WebGPU" },
      { backend: "wasm", adapter: engine.adapter, imagesPerSecond: undefined },
    ]);
    await engine.close();
  });

  it("measures how fast an engine distils", async () => {
    const engine = await openEngine({ backend: "wasm", environment: { gpu: NO_GPU } });
    const speed = await measureEngine(engine, 1);
    expect(speed).toBeGreaterThan(0);
    expect(Number.isFinite(speed)).toBe(true);
    await engine.close();
  });

  it("refuses half precision of a backend that has none, and of auto", async () => {
    const environment: EngineEnvironment = { gpu: NO_GPU };
    for (const backend of ["wasm", "auto"] as const) {
      await expect(openEngine({ backend, environment, precision: "f16" })).rejects.toMatchObject({
        code: "invalid-input",
        message: expect.stringMatching(/only the backend 'webgpu'.*name webgpu/) as string,
      });
    }
  });

  it("stores halves on WebGPU when told to, and tries none in software by itself", async () => {
    const environment = nodeEnvironment();
    const open = async (precision: "f16" | "auto"): Promise<string> => {
      const engine = await openEngine({
        backend: "webgpu",
        environment,
        precision,
        onPrecision: () => expect.unreachable("nothing is tried in software"),
      });
      await engine.close();
      return engine.adapter;
    };
    expect(await open("f16")).toMatch(/\(webgpu, software, activations in half precision\)$/);
    expect(await open("auto")).toMatch(/\(webgpu, software\)$/);
  });

  it("does not try another backend than the one asked for by name", async () => {
    const environment: EngineEnvironment = { gpu: NO_GPU };
    await expect(openEngine({ backend: "webgpu", environment })).rejects.toThrow("no WebGPU");
  });
});
