import type { BackendName } from "./engine.ts";

/** What a backend is, for people who choose. */
export const BACKENDS: Readonly<Record<BackendName, string>> = {
  webgpu: "graphics card",
  wasm: "processor (WebAssembly)",
  "tfjs-webgpu": "graphics card, through TensorFlow.js",
  "tfjs-webgl": "graphics card, through TensorFlow.js and WebGL",
  "tfjs-wasm": "processor, through TensorFlow.js",
  cpu: "plain JavaScript (TensorFlow.js), very slow",
};

/**
 * Whether a backend has gradients by its images: what adversaries ascend by, and the search for what
 * misleads a model. TensorFlow.js is there for plain distillation.
 */
export function hasImageGradients(backend: BackendName): boolean {
  return backend === "webgpu" || backend === "wasm";
}

/** Whether a backend measures what a teacher's batch norms read (`Session.channelStatistics`). */
export function measuresStatistics(backend: BackendName): boolean {
  return backend === "webgpu" || backend === "wasm";
}

/** Backends by name, the preferred first. */
export const BACKEND_NAMES = Object.keys(BACKENDS) as readonly BackendName[];

/** A backend's name, or `auto`: the fastest that there is. */
export type BackendChoice = BackendName | "auto";

export const BACKEND_CHOICES: readonly BackendChoice[] = ["auto", ...BACKEND_NAMES];
