import type { BackendName } from "./engine.ts";

/** What a backend is, for people who choose. */
export const BACKENDS: Readonly<Record<BackendName, string>> = {
  webgpu: "graphics card",
  wasm: "processor (WebAssembly)",
};

/** Backends by name, the preferred first. */
export const BACKEND_NAMES = Object.keys(BACKENDS) as readonly BackendName[];

/** A backend's name, or `auto`: the fastest that there is. */
export type BackendChoice = BackendName | "auto";

export const BACKEND_CHOICES: readonly BackendChoice[] = ["auto", ...BACKEND_NAMES];
