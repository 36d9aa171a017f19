import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import { openWebgpuEngine } from "../../../../client/engine/webgpu/webgpu-engine.ts";
import { describeNumerics } from "./suite.ts";

describeNumerics(
  "ours on WebGPU",
  async () => openWebgpuEngine(await nodeEnvironment().gpu(), { software: true }),
  { runs: 1, onOneNetwork: true },
);
