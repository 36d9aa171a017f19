import type { BackendName, Engine } from "./engine.ts";
import { EngineError } from "./engine-error.ts";
import type { EngineEnvironment } from "./environment.ts";

export interface OpenEngineOptions {
  /**
   * `auto` takes WebGPU on real hardware, else WebAssembly. It never takes a GPU emulated in
   * software (slower than WebAssembly) nor `cpu` (plain JavaScript, for tests): ask for those by
   * name.
   */
  readonly backend: BackendName | "auto";
  readonly environment: EngineEnvironment;
}

/**
 * Opens a device to train on. Loads only the code of the backends it tries.
 *
 * @throws EngineError `backend-unavailable`, saying what was tried and why each was refused.
 *
 * @example
 * const engine = await openEngine({ backend: "auto", environment: nodeEnvironment() });
 * console.log(engine.adapter); // WebAssembly SIMD, 1 thread
 */
export async function openEngine({ backend, environment }: OpenEngineOptions): Promise<Engine> {
  if (backend !== "auto") return openBackend(backend, environment, true);
  const refusals: string[] = [];
  const causes: unknown[] = [];
  for (const name of ["webgpu", "wasm"] as const) {
    try {
      return await openBackend(name, environment, false);
    } catch (cause) {
      causes.push(cause);
      refusals.push(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }
  throw new EngineError(
    "backend-unavailable",
    `nothing here can train fast enough. ${refusals.join("; ")}. ` +
      "Backend 'cpu' works everywhere but is very slow; ask for it by name",
    { cause: new AggregateError(causes) },
  );
}

/** `byName`: the caller asked for this very backend, so a software GPU is what was wanted. */
async function openBackend(
  name: BackendName,
  environment: EngineEnvironment,
  byName: boolean,
): Promise<Engine> {
  switch (name) {
    case "webgpu": {
      const { openWebgpuEngine } = await import("./tfjs/webgpu-engine.ts");
      return openWebgpuEngine(await environment.gpu(), byName);
    }
    case "wasm": {
      if (environment.wasm === undefined) {
        throw new EngineError("backend-unavailable", "no wasm binary is served here");
      }
      const { openWasmEngine } = await import("./tfjs/wasm-engine.ts");
      return openWasmEngine(environment.wasm);
    }
    case "cpu": {
      const { openCpuEngine } = await import("./tfjs/cpu-engine.ts");
      return openCpuEngine();
    }
  }
}
