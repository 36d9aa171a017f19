import { EngineError } from "../engine-error.ts";

/**
 * What TensorFlow.js is not used for here: gradients by images would need a second pass of their own
 * for a backend that is there to fall back on.
 *
 * @throws EngineError `backend-unavailable` if it is asked for.
 */
export function requireNoAdversary(backend: string, asked: unknown): void {
  if (asked === undefined) return;
  throw new EngineError(
    "backend-unavailable",
    `the TensorFlow.js backend '${backend}' has no adversary and no gradients by images; ` +
      "use the backend webgpu or wasm",
  );
}
