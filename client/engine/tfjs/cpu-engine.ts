import * as tf from "@tensorflow/tfjs-core";
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import type { Engine } from "../engine.ts";
import { EngineError } from "../engine-error.ts";
import { HostKernels } from "./host-kernels.ts";
import { cpuMemory } from "./host-memory.ts";
import { TfjsSession, useBackend } from "./session.ts";

/** Plain JavaScript: the reference the other backends are held against, too slow for real work. */
export async function openCpuEngine(): Promise<Engine> {
  // Keeps tfjs from advising its users on the console.
  tf.enableProdMode();
  await tf.setBackend("cpu");
  const backend = tf.backend();
  if (!(backend instanceof MathBackendCPU)) {
    throw new EngineError("backend-unavailable", "another backend took tfjs' name 'cpu'");
  }
  const kernels = new HostKernels(cpuMemory(backend));
  return {
    backend: "cpu",
    adapter: "JavaScript, 1 thread",
    openSession: (options) => {
      useBackend("cpu");
      return new TfjsSession("cpu", kernels, options);
    },
    close: async () => {},
  };
}
