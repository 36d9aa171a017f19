import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import { openWasmEngine } from "../../../../client/engine/wasm/wasm-engine.ts";
import { describeNumerics } from "../numerics/suite.ts";

const starter = nodeEnvironment().threads;

describeNumerics("ours on wasm", () => openWasmEngine({ threads: 1 }));
describeNumerics("ours on wasm, two threads", () => openWasmEngine({ starter, threads: 2 }), {
  runs: 3,
});
describeNumerics(
  "ours on wasm without fused multiply-add",
  () => openWasmEngine({ fused: false }),
  {
    runs: 3,
  },
);
