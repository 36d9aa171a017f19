import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import { openEngine } from "../../../../client/engine/opening/open-engine.ts";
import { describeNumerics } from "./suite.ts";

for (const backend of ["tfjs-wasm", "cpu"] as const) {
  const open = () => openEngine({ backend, environment: nodeEnvironment() });
  describeNumerics(`TensorFlow.js, ${backend}`, open, {
    supports: { groups: false, adversary: false },
  });
}
