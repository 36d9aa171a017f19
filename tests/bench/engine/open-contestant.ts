import { nodeEnvironment } from "../../../client/engine/node-environment.ts";
import type { OpenContestant } from "./contestant.ts";
import { sessionContestant } from "./session-contestant.ts";

/** Engines that run in a process of Node, in the order of the table. */
export const NODE_ENGINES = [
  "ours-webgpu",
  "ours-wasm",
  "tfjs-webgpu",
  "tfjs-webgpu-fast",
  "jax-js",
  "tfjs-wasm",
] as const;

export type NodeEngine = (typeof NODE_ENGINES)[number];

/** Loads only the code of the engine asked for. Software adapters are taken: the caller looks. */
export const openContestant: Readonly<Record<NodeEngine, OpenContestant>> = {
  "ours-webgpu": async ({ problem }) => {
    const { openWebgpuEngine } = await import("../../../client/engine/webgpu/webgpu-engine.ts");
    const engine = await openWebgpuEngine(await nodeEnvironment().gpu(), { software: true });
    return sessionContestant(engine, problem);
  },
  "ours-wasm": async (options) => (await import("./ours-wasm.ts")).openOursWasm(options),
  "tfjs-webgpu": async (options) => {
    await nodeEnvironment().gpu();
    return (await import("./tfjs-shipped.ts")).openTfjsShipped(options);
  },
  "tfjs-webgpu-fast": async ({ problem }) => {
    const { openWebgpuEngine } = await import("../../../client/engine/tfjs/webgpu-engine.ts");
    return sessionContestant(await openWebgpuEngine(await nodeEnvironment().gpu(), true), problem);
  },
  "jax-js": async (options) => {
    await nodeEnvironment().gpu();
    return (await import("./jax-js.ts")).openJaxJs(options);
  },
  "tfjs-wasm": async (options) => (await import("./tfjs-composed.ts")).openTfjsComposed(options),
};
