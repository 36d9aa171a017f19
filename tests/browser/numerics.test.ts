import { browserEnvironment } from "../../client/engine/opening/browser-environment.ts";
import { openWasmEngine } from "../../client/engine/wasm/wasm-engine.ts";
import { openWebgpuEngine } from "../../client/engine/webgpu/webgpu-engine.ts";
import { describeNumerics } from "../unit/engine/numerics/suite.ts";

describeNumerics("ours on wasm in a tab", () => openWasmEngine({ threads: 1 }), { runs: 2 });
describeNumerics(
  "ours on WebGPU in a tab",
  async () => openWebgpuEngine(await browserEnvironment().gpu(), { software: true }),
  { runs: 1, hasFewKernels: true },
);
