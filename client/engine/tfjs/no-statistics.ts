import { EngineError } from "../engine-error.ts";

/**
 * TensorFlow.js does not measure what batch norms read: it evaluates a model with its norms folded into
 * the convolutions before them, and is there to fall back on.
 *
 * @throws EngineError `backend-unavailable`.
 */
export function refuseStatistics(backend: string): never {
  throw new EngineError(
    "backend-unavailable",
    `the TensorFlow.js backend '${backend}' cannot measure the statistics that this campaign begins with; ` +
      "use the backend webgpu or wasm",
  );
}
