import { nodeEnvironment } from "../../../client/engine/opening/node-environment.ts";
import type { Precision } from "../../../client/engine/program/operands.ts";
import type { Contestant, ContestantOptions, OpenContestant } from "./contestant.ts";
import { sessionContestant } from "./session-contestant.ts";

/** Engines that run in a process of Node, in the order of the table. */
export const NODE_ENGINES = [
  "ours-webgpu",
  "ours-webgpu-f16",
  "ours-wasm",
  "tfjs-webgpu",
  "tfjs-webgpu-fast",
  "jax-js",
  "tfjs-wasm",
  "tfjs-wasm-own",
] as const;

export type NodeEngine = (typeof NODE_ENGINES)[number];

/** Loads only the code of the engine asked for. Software adapters are taken: the caller looks. */
export const openContestant: Readonly<Record<NodeEngine, OpenContestant>> = {
  "ours-webgpu": (options) => openOursWebgpu(options, "f32"),
  "ours-webgpu-f16": (options) => openOursWebgpu(options, "f16"),
  "ours-wasm": async (options) => (await import("./ours-wasm.ts")).openOursWasm(options),
  "tfjs-webgpu": async (options) => {
    await showGpu();
    return (await import("./tfjs/shipped.ts")).openTfjsShipped(options, "webgpu");
  },
  "tfjs-webgpu-fast": async (options) => (await import("./tfjs/fast.ts")).openTfjsFast(options),
  "jax-js": async (options) => {
    await showGpu();
    return (await import("./jax-js.ts")).openJaxJs(options);
  },
  "tfjs-wasm": async (options) => (await import("./tfjs/composed.ts")).openTfjsComposed(options),
  "tfjs-wasm-own": async (options) =>
    (await import("./tfjs/shipped.ts")).openTfjsShipped(options, "wasm"),
};

/** Both libraries look for WebGPU where a browser has it. */
async function showGpu(): Promise<void> {
  const gpu = await nodeEnvironment().gpu();
  Object.defineProperty(globalThis.navigator, "gpu", { value: gpu, configurable: true });
}

async function openOursWebgpu(
  { problem }: ContestantOptions,
  precision: Precision,
): Promise<Contestant> {
  const { openWebgpuEngine } = await import("../../../client/engine/webgpu/webgpu-engine.ts");
  const options = { software: true, precision };
  return sessionContestant(await openWebgpuEngine(await nodeEnvironment().gpu(), options), problem);
}
