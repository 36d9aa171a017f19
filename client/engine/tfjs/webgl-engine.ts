import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-webgl";
import type { Engine } from "../engine.ts";
import { EngineError } from "../engine-error.ts";
import { TfjsSession, useBackend } from "./session.ts";
import { TensorKernels } from "./tensor-kernels.ts";

/**
 * The GPU through WebGL, for browsers that have neither WebGPU nor WebAssembly with SIMD. One
 * instance serves every engine of the page or worker.
 *
 * @throws EngineError `backend-unavailable` where WebGL is missing or computes in less than float32.
 */
export async function openWebglEngine(): Promise<Engine> {
  // Keeps tfjs from advising its users on the console.
  tf.enableProdMode();
  const opened = await tf.setBackend("webgl").catch(() => false);
  if (!opened)
    throw new EngineError("backend-unavailable", "this browser has no WebGL for workers");
  // Half floats would lose the small steps at the end of the schedule.
  if (!tf.env().getBool("WEBGL_RENDER_FLOAT32_ENABLED")) {
    throw new EngineError(
      "backend-unavailable",
      "WebGL here computes with 16 bits only, which is too coarse to train with",
    );
  }
  return {
    backend: "tfjs-webgl",
    adapter: "WebGL, through TensorFlow.js",
    openSession: (options) => {
      useBackend("webgl");
      return new TfjsSession("webgl", new TensorKernels(), options);
    },
    close: async () => {},
  };
}
