import * as tf from "@tensorflow/tfjs-core";
import { BackendWasm, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import type { Contestant, ContestantOptions } from "../contestant.ts";
import { sessionContestant } from "../session-contestant.ts";
import { HostKernels } from "./host-kernels.ts";
import { wasmMemory } from "./host-memory.ts";
import { TfjsSession } from "./session.ts";

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
  const kernels = await composedKernels();
  return sessionContestant(
    {
      adapter: "tfjs-wasm, 1 thread",
      openSession: (options) => new TfjsSession(kernels, options),
    },
    problem,
  );
}

/** Starts tfjs' WebAssembly and makes it its current backend. */
export async function composedKernels(): Promise<HostKernels> {
  // Keeps tfjs from advising its users on the console.
  tf.enableProdMode();
  const require = createRequire(import.meta.url);
  const manifest = require.resolve("@tensorflow/tfjs-backend-wasm/package.json");
  setWasmPaths(join(dirname(manifest), "dist") + sep);
  await tf.setBackend("wasm");
  const backend = tf.backend();
  if (!(backend instanceof BackendWasm)) throw new Error("tfjs could not start its wasm backend");
  return new HostKernels(wasmMemory(backend));
}
