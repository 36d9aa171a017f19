import { EngineError } from "../engine-error.ts";

/**
 * What TensorFlow.js is not used for here: gradients by images, second passes and whatever else goes
 * beyond plain distillation, in a backend that is there to fall back on.
 *
 * @param asked by what it is called; undefined where it is not asked for
 * @throws EngineError `backend-unavailable` if any of it is asked for.
 *
 * @example
 * requirePlain("tfjs-wasm", { "an adversary": settings.adversary });
 */
export function requirePlain(backend: string, asked: Readonly<Record<string, unknown>>): void {
  const first = Object.entries(asked).find(([, value]) => value !== undefined);
  if (!first) return;
  throw new EngineError(
    "backend-unavailable",
    `the TensorFlow.js backend '${backend}' cannot do ${first[0]}; use the backend webgpu or wasm`,
  );
}
