import type * as Dawn from "webgpu";
import { existsSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { EngineError } from "../engine-error.ts";
import type { EngineEnvironment, EngineThread } from "../environment.ts";
import { cacheFolder } from "../../cache-folder.ts";
import { FileTuningStore } from "../webgpu/tiles/file-tuning-store.ts";
import { pollCalmly } from "./calm-polling.ts";

/**
 * The environment of Node, WebGPU through the optional package `webgpu` (Dawn). `VK_ICD_FILENAMES` chooses the Vulkan driver, and with it the adapter; on a Linux without
 * any graphics device it is set to Chromium's software driver, where that is installed.
 *
 * @example
 * const engine = await openEngine({ backend: "wasm", environment: nodeEnvironment() });
 */
export function nodeEnvironment(): EngineEnvironment {
  const threads = { cores: availableParallelism(), start: startThread };
  const tuning = new FileTuningStore(join(cacheFolder(), "engine-tiles.json"));
  return { threads, tuning, gpu: () => (dawn ??= openDawn()) };
}

/** A worker thread; once it has answered, it does not keep the process alive. */
function startThread(): EngineThread {
  const worker = new Worker(new URL("../wasm/threads/thread-node.ts", import.meta.url));
  let stopped = false;
  return {
    post: (message) => worker.postMessage(message),
    listen: (onMessage, onFailure) => {
      worker.on("message", onMessage);
      worker.on("error", (error) => onFailure(String(error)));
      worker.on("exit", (code) => {
        if (!stopped) onFailure(`it ended with code ${code}`);
      });
      // Until it has answered once, the process waits for it.
      worker.once("message", () => worker.unref());
    },
    stop: () => {
      stopped = true;
      void worker.terminate();
    },
  };
}

// One instance for the process: Dawn's objects must outlive every device made from them.
let dawn: Promise<GPU> | undefined;

async function openDawn(): Promise<GPU> {
  let dawnModule: Pick<typeof Dawn, "create" | "globals">;
  try {
    dawnModule = await import("webgpu");
  } catch (cause) {
    throw new EngineError(
      "backend-unavailable",
      "Node has no WebGPU of its own and the optional package 'webgpu' could not be loaded; " +
        "install it with 'npm install webgpu', or use the wasm backend",
      { cause },
    );
  }
  chooseSoftwareDriver();
  // Dawn's window-system layer complains without one, though no window is wanted.
  process.env["XDG_RUNTIME_DIR"] ??= tmpdir();
  pollCalmly(globalThis);
  const gpu = dawnModule.create([]);
  // `GPUBufferUsage` and its like, where a browser has them.
  Object.assign(globalThis, dawnModule.globals);
  return gpu;
}

const SOFTWARE_DRIVERS = [
  "/usr/lib/chromium/vk_swiftshader_icd.json",
  "/usr/lib/chromium-browser/vk_swiftshader_icd.json",
];

/** Without a device, Mesa's software driver would be found first, which Dawn refuses. */
function chooseSoftwareDriver(): void {
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES } = process.env;
  if (process.platform !== "linux" || VK_ICD_FILENAMES || VK_DRIVER_FILES) return;
  if (["/dev/dri", "/dev/nvidiactl", "/dev/dxg"].some((device) => existsSync(device))) return;
  const driver = SOFTWARE_DRIVERS.find((path) => existsSync(path));
  if (driver !== undefined) process.env["VK_ICD_FILENAMES"] = driver;
}
