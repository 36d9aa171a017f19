import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { EngineError } from "../engine/engine-error.ts";
import type { Judge } from "./judge.ts";
import { tfjsJudge } from "./tfjs-judge.ts";

/**
 * TensorFlow.js on its own WebAssembly, loaded when this is called.
 *
 * @throws EngineError `backend-unavailable` where it does not start.
 */
export async function openNodeJudge(): Promise<Judge> {
  const tf = await import("@tensorflow/tfjs-core");
  const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
  // Keeps tfjs from advising its users on the console.
  tf.enableProdMode();
  const manifest = createRequire(import.meta.url).resolve(
    "@tensorflow/tfjs-backend-wasm/package.json",
  );
  setWasmPaths(join(dirname(manifest), "dist") + sep);
  if (!(await tf.setBackend("wasm"))) {
    throw new EngineError("backend-unavailable", "TensorFlow.js could not start its WebAssembly");
  }
  return tfjsJudge(tf);
}
