import * as tf from "@tensorflow/tfjs-core";
import { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import {
  describeAdapter,
  offeredLimits,
  requestAdapter,
} from "../../../../client/engine/webgpu/device/adapter.ts";
import type { Contestant, ContestantOptions } from "../contestant.ts";
import { sessionContestant } from "../session-contestant.ts";
import { TfjsSession } from "./session.ts";
import { TensorKernels } from "./tensor-kernels.ts";

/** Raised to what the adapter offers; WebGPU's defaults bind at most 128 MiB at once. */
const RAISED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
  "maxComputeWorkgroupSizeX",
  "maxComputeInvocationsPerWorkgroup",
] as const;

/**
 * tfjs on WebGPU at its best: a backward pass by hand, which frees activations as soon as it can, and
 * its tiled kernel for the gradient by a convolution's input.
 */
export async function openTfjsFast({ problem }: ContestantOptions): Promise<Contestant> {
  const gpu = await nodeEnvironment().gpu();
  const adapter = await requestAdapter(gpu, true);
  const { info } = adapter;
  const requiredLimits = offeredLimits(adapter, RAISED_LIMITS);
  const device = await adapter.requestDevice({ requiredLimits });

  // Keeps tfjs from advising its users on the console.
  tf.enableProdMode();
  // The backend's own factory asks for features that some hosts refuse, and keeps the device.
  if (tf.findBackendFactory("webgpu")) tf.removeBackend("webgpu");
  tf.registerBackend("webgpu", () => new WebGPUBackend(device, info));
  await tf.setBackend("webgpu");
  // The tiled kernel; the default one uses no shared memory.
  tf.env().set("WEBGPU_USE_NAIVE_CONV2D_TRANSPOSE", false);
  return sessionContestant(
    {
      adapter: describeAdapter(info),
      openSession: (options) => new TfjsSession(new TensorKernels(), options),
    },
    problem,
  );
}
