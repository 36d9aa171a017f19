import * as tf from "@tensorflow/tfjs-core";
import { BackendWasm, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import type { Engine } from "../../../client/engine/engine.ts";
import { HostKernels } from "../../../client/engine/tfjs/host-kernels.ts";
import { wasmMemory } from "../../../client/engine/tfjs/host-memory.ts";
import { TfjsSession } from "../../../client/engine/tfjs/session.ts";
import type { Contestant, ContestantOptions } from "./contestant.ts";
import { sessionContestant } from "./session-contestant.ts";

/**
 * tfjs on WebAssembly with the gradients that it lacks, or has in a slow form only, composed of its
 * fast ones: both gradients of a convolution as forward convolutions; norms and the rest in loops
 * over its memory, which are faster than its own operations one after another.
 */
export async function openTfjsComposed({
  problem,
  threads,
}: ContestantOptions): Promise<Contestant> {
  if (threads > 1) throw new Error("tfjs-wasm has no threads in Node (its issue 3830)");
  tf.enableProdMode();
  const require = createRequire(import.meta.url);
  const manifest = require.resolve("@tensorflow/tfjs-backend-wasm/package.json");
  setWasmPaths(join(dirname(manifest), "dist") + sep);
  await tf.setBackend("wasm");
  const backend = tf.backend();
  if (!(backend instanceof BackendWasm)) throw new Error("tfjs could not start its wasm backend");
  const engine: Engine = {
    backend: "wasm",
    adapter: "tfjs-wasm, 1 thread",
    openSession: (options) =>
      new TfjsSession("wasm", new HostKernels(wasmMemory(backend)), options),
    close: async () => {},
  };
  return sessionContestant(engine, problem);
}
