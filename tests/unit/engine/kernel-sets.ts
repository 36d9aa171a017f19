import * as tf from "@tensorflow/tfjs-core";
import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { nodeEnvironment } from "../../../client/engine/opening/node-environment.ts";
import { openEngine } from "../../../client/engine/opening/open-engine.ts";
import { HostKernels } from "../../../client/engine/tfjs/host-kernels.ts";
import { cpuMemory, wasmMemory } from "../../../client/engine/tfjs/host-memory.ts";
import type { Kernels } from "../../../client/engine/tfjs/kernels.ts";
import { TensorKernels } from "../../../client/engine/tfjs/tensor-kernels.ts";

/** Every implementation of `Kernels` that runs in Node without a GPU. */
export const KERNEL_SETS = [
  "host kernels on cpu",
  "host kernels on wasm",
  "tensor kernels on cpu",
] as const;

export type KernelSet = (typeof KERNEL_SETS)[number];

/** Opens a kernel set and makes its backend tfjs' current one. */
export async function openKernels(set: KernelSet): Promise<Kernels> {
  const backend = set.endsWith("wasm") ? "wasm" : "cpu";
  const engine = backend === "wasm" ? "tfjs-wasm" : "cpu";
  await openEngine({ backend: engine, environment: nodeEnvironment() });
  await tf.setBackend(backend);
  if (set === "tensor kernels on cpu") return new TensorKernels();
  if (set === "host kernels on cpu") {
    return new HostKernels(cpuMemory(tf.backend() as MathBackendCPU));
  }
  return new HostKernels(wasmMemory(tf.backend() as BackendWasm));
}
