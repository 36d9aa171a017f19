import * as tf from "@tensorflow/tfjs-core";
import { BackendWasm, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";

/** Starts tfjs' WebAssembly and makes it its current backend. */
export async function startTfjsWasm(): Promise<BackendWasm> {
  // Keeps tfjs from advising its users on the console.
  tf.enableProdMode();
  const require = createRequire(import.meta.url);
  const manifest = require.resolve("@tensorflow/tfjs-backend-wasm/package.json");
  setWasmPaths(join(dirname(manifest), "dist") + sep);
  await tf.setBackend("wasm");
  const backend = tf.backend();
  if (!(backend instanceof BackendWasm)) throw new Error("tfjs could not start its wasm backend");
  return backend;
}
