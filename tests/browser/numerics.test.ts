import { browserEnvironment } from "../../client/engine/opening/browser-environment.ts";
import { openWasmEngine } from "../../client/engine/wasm/wasm-engine.ts";
import { openWebgpuEngine } from "../../client/engine/webgpu/webgpu-engine.ts";
import { describeRepresentatives } from "../unit/engine/numerics/representatives.ts";

// In Node the whole suite runs on the same instructions and shaders.
describeRepresentatives("wasm in a tab", () => openWasmEngine({ threads: 1 }));
describeRepresentatives("WebGPU in a tab", async () =>
  openWebgpuEngine(await browserEnvironment().gpu(), { software: true }),
);
