import { EngineError } from "../engine-error.ts";
import type { EngineEnvironment, EngineThread } from "../environment.ts";
import { BrowserTuningStore } from "../webgpu/tiles/browser-tuning-store.ts";

/** The environment of a page or a dedicated worker. */
export function browserEnvironment(): EngineEnvironment {
  return {
    tuning: new BrowserTuningStore(),
    // One core stays with the person. Memory is shared only in a page that the server has isolated
    // (COOP and COEP).
    threads: crossOriginIsolated
      ? { cores: Math.max(1, navigator.hardwareConcurrency - 1), start: startThread }
      : undefined,
    gpu: async () => {
      const { gpu } = navigator as { readonly gpu?: GPU };
      if (gpu) return gpu;
      throw new EngineError(
        "backend-unavailable",
        isSecureContext
          ? "this browser has no WebGPU"
          : "WebGPU needs a secure page; open it over https or on localhost",
      );
    },
  };
}

/** A worker beside the calling one. */
function startThread(): EngineThread {
  const worker = new Worker(new URL("../wasm/threads/thread-browser.ts", import.meta.url), {
    type: "module",
  });
  return {
    post: (message) => worker.postMessage(message),
    listen: (onMessage, onFailure) => {
      worker.addEventListener("message", ({ data }) => onMessage(data));
      worker.addEventListener("error", ({ message }) => {
        onFailure(message || "its script could not be loaded");
      });
    },
    stop: () => worker.terminate(),
  };
}
