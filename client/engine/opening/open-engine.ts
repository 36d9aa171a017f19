import type { BackendChoice } from "../backends.ts";
import type { BackendName, Engine } from "../engine.ts";
import { EngineError } from "../engine-error.ts";
import type { EngineEnvironment } from "../environment.ts";
import { measureEngine } from "./measure-engine.ts";
import type { PrecisionChoice, PrecisionTrial } from "./precision.ts";

export interface OpenEngineOptions {
  /**
   * `auto` takes whichever of WebGPU on real hardware and WebAssembly is faster here. It never takes
   * a GPU emulated in software (slower than WebAssembly): ask for that by name.
   */
  readonly backend: BackendChoice;
  readonly environment: EngineEnvironment;
  /** Threads of `wasm`; all cores, 8 at most, when left out. */
  readonly threads?: number | undefined;
  /**
   * How `webgpu` stores activations; f32 when left out. `auto`: as halves where they are near enough
   * and faster, of which `onPrecision` is told.
   */
  readonly precision?: PrecisionChoice | undefined;
  readonly onPrecision?: ((trial: PrecisionTrial) => void) | undefined;
  /** Told of each backend that `auto` tried. */
  readonly onTrial?: ((trial: BackendTrial) => void) | undefined;
}

/** What came of trying a backend. */
export type BackendTrial =
  | {
      readonly backend: BackendName;
      readonly adapter: string;
      /** Of a small ResNet-18; undefined when there was nothing to compare it with. */
      readonly imagesPerSecond: number | undefined;
    }
  | { readonly backend: BackendName; readonly refusal: string };

/**
 * Opens a device to train on. Loads only the code of the backends it tries.
 *
 * @throws EngineError `backend-unavailable`, saying what was tried and why each was refused;
 *   `invalid-input` for a precision that the backend does not have.
 *
 * @example
 * const engine = await openEngine({ backend: "auto", environment: nodeEnvironment() });
 * console.log(engine.adapter); // WebAssembly SIMD with fused multiply-add, 8 threads
 */
export async function openEngine(options: OpenEngineOptions): Promise<Engine> {
  const { backend, precision } = options;
  if (precision === "f16" && backend !== "webgpu") {
    throw new EngineError(
      "invalid-input",
      `only the backend 'webgpu' stores activations in half precision, and '${backend}' was asked ` +
        "for; name webgpu, or leave precision at f32 or auto",
    );
  }
  return backend === "auto" ? openFastest(options) : openBackend(backend, options, true);
}

async function openFastest(options: OpenEngineOptions): Promise<Engine> {
  const { onTrial } = options;
  const causes: unknown[] = [];
  const refusals: string[] = [];
  const open = async (name: BackendName): Promise<Engine | undefined> => {
    try {
      return await openBackend(name, options, false);
    } catch (cause) {
      const refusal = cause instanceof Error ? cause.message : String(cause);
      causes.push(cause);
      refusals.push(`${name}: ${refusal}`);
      onTrial?.({ backend: name, refusal });
      return undefined;
    }
  };
  const tell = ({ backend, adapter }: Engine, imagesPerSecond: number | undefined): void =>
    onTrial?.({ backend, adapter, imagesPerSecond });

  const gpu = await open("webgpu");
  const processor = await open("wasm");
  if (gpu && processor) {
    const gpuSpeed = await measureEngine(gpu);
    tell(gpu, gpuSpeed);
    const processorSpeed = await measureEngine(processor);
    tell(processor, processorSpeed);
    const [fastest, other] = gpuSpeed >= processorSpeed ? [gpu, processor] : [processor, gpu];
    await other.close();
    return fastest;
  }
  const only = gpu ?? processor;
  if (only) {
    tell(only, undefined);
    return only;
  }
  throw new EngineError("backend-unavailable", `nothing here can train: ${refusals.join("; ")}`, {
    cause: new AggregateError(causes),
  });
}

/** `byName`: the caller asked for this very backend, so a software GPU is what was wanted. */
async function openBackend(
  name: BackendName,
  { environment, threads, precision = "f32", onPrecision }: OpenEngineOptions,
  byName: boolean,
): Promise<Engine> {
  switch (name) {
    case "webgpu": {
      const { openWithPrecision } = await import("./precision-gate.ts");
      const { tuning } = environment;
      const options = { software: byName, tuning };
      return openWithPrecision(await environment.gpu(), options, precision, onPrecision);
    }
    case "wasm": {
      const { openWasmEngine } = await import("../wasm/wasm-engine.ts");
      return openWasmEngine({ starter: environment.threads, threads });
    }
    default:
      return name satisfies never;
  }
}
