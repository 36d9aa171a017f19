import * as tf from "@tensorflow/tfjs-core";
import { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { Engine, Session } from "../engine.ts";
import { EngineError } from "../engine-error.ts";
import { describeAdapter, offeredLimits, requestAdapter } from "../webgpu/device/adapter.ts";
import { TfjsSession, useBackend } from "./session.ts";
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

// tfjs knows its GPU by one name, so one device serves every engine of the process or worker.
let shared:
  | { device: GPUDevice; adapter: string; users: number; lost: string | undefined }
  | undefined;

/**
 * The GPU.
 *
 * @param software whether an adapter emulated on the CPU will do.
 * @throws EngineError `backend-unavailable` when there is no adapter, or only a software one.
 */
export async function openWebgpuEngine(gpu: GPU, software: boolean): Promise<Engine> {
  if (!shared || shared.lost !== undefined) shared = await openDevice(gpu, software);
  const current = shared;
  current.users++;
  const sessions = new Set<Session>();
  let closed = false;
  const requireDevice = (): void => {
    if (closed) throw new EngineError("closed", "this engine was closed");
    if (current.lost === undefined) return;
    throw new EngineError(
      "device-failed",
      `the GPU was lost (${current.lost}); open a new engine and load the student again`,
    );
  };
  return {
    backend: "tfjs-webgpu",
    adapter: current.adapter,
    openSession: (options) => {
      requireDevice();
      useBackend("webgpu");
      const session = new TfjsSession("webgpu", new TensorKernels(), options, requireDevice);
      sessions.add(session);
      return session;
    },
    close: async () => {
      if (closed) return;
      closed = true;
      for (const session of sessions) session.close();
      current.users--;
      if (current.users > 0) return;
      if (shared === current) {
        shared = undefined;
        tf.removeBackend("webgpu");
      }
      current.device.destroy();
    },
  };
}

async function openDevice(gpu: GPU, software: boolean): Promise<NonNullable<typeof shared>> {
  const adapter = await requestAdapter(gpu, software);
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

  const opened: NonNullable<typeof shared> = {
    device,
    adapter: describeAdapter(info),
    users: 0,
    lost: undefined,
  };
  void noteLoss(device, opened);
  return opened;
}

async function noteLoss(device: GPUDevice, opened: { lost: string | undefined }): Promise<void> {
  const { message, reason } = await device.lost;
  opened.lost = message || reason;
}
