import { EngineError } from "../../engine-error.ts";
import { describeAdapter, isSoftware, offeredLimits, requestAdapter } from "./adapter.ts";
import { BINDINGS, MAX_PLACES, READ_ONLY, type Memory } from "../wgsl/shader.ts";

/** What an engine has asked of WebGPU since it was opened. */
export interface WebgpuCounters {
  dispatches: number;
  submits: number;
  maps: number;
  buffersCreated: number;
  bindGroupsCreated: number;
  pipelinesCreated: number;
}

export function zeroCounters(): WebgpuCounters {
  return {
    dispatches: 0,
    submits: 0,
    maps: 0,
    buffersCreated: 0,
    bindGroupsCreated: 0,
    pipelinesCreated: 0,
  };
}

const RAISED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
] as const;

const WANTED_FEATURES = ["subgroups", "timestamp-query"] as const;

/** Bytes of the numbers that one dispatch is given. */
export const PLACES_BYTES = 4 * MAX_PLACES;

/** A GPU of our own: everything is created through it, so that everything is counted. */
export class Device {
  readonly gpu: GPUDevice;
  readonly info: GPUAdapterInfo;
  readonly counters: WebgpuCounters;
  /** Why the device is gone. */
  lost: string | undefined;
  readonly whenLost: Promise<void>;
  /** What WebGPU refused; it tells so only afterwards. */
  #refused: string | undefined;
  readonly bindGroupLayout: GPUBindGroupLayout;
  readonly #pipelineLayout: GPUPipelineLayout;
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  constructor(gpu: GPUDevice, info: GPUAdapterInfo, counters: WebgpuCounters) {
    this.gpu = gpu;
    this.info = info;
    this.counters = counters;
    this.whenLost = this.#noteLoss();
    gpu.addEventListener("uncapturederror", ({ error }) => (this.#refused ??= error.message));
    this.bindGroupLayout = gpu.createBindGroupLayout({ entries: layoutEntries() });
    this.#pipelineLayout = gpu.createPipelineLayout({ bindGroupLayouts: [this.bindGroupLayout] });
  }

  get adapter(): string {
    return describeAdapter(this.info);
  }

  get software(): boolean {
    return isSoftware(this.info);
  }

  has(feature: GPUFeatureName): boolean {
    return this.gpu.features.has(feature);
  }

  createBuffer(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    this.counters.buffersCreated++;
    return this.gpu.createBuffer({ label, size: Math.ceil(bytes / 16) * 16, usage });
  }

  createBindGroup(buffers: Readonly<Record<keyof typeof BINDINGS, GPUBuffer>>): GPUBindGroup {
    this.counters.bindGroupsCreated++;
    const entries = Object.entries(BINDINGS).map(([name, binding]) => {
      const buffer = buffers[name as keyof typeof BINDINGS];
      const resource = name === "places" ? { buffer, size: PLACES_BYTES } : { buffer };
      return { binding, resource };
    });
    return this.gpu.createBindGroup({ layout: this.bindGroupLayout, entries });
  }

  /** Compiles a shader, or finds it compiled. */
  pipeline(label: string, code: string): Promise<GPUComputePipeline> {
    const known = this.#pipelines.get(code);
    if (known) return known;
    this.counters.pipelinesCreated++;
    const compiled = this.gpu.createComputePipelineAsync({
      label,
      layout: this.#pipelineLayout,
      compute: { module: this.gpu.createShaderModule({ label, code }), entryPoint: "main" },
    });
    this.#pipelines.set(code, compiled);
    return compiled;
  }

  submit(commands: GPUCommandBuffer): void {
    this.counters.submits++;
    this.gpu.queue.submit([commands]);
  }

  /** Resolves when what was submitted is done, or never will be. */
  async settled(): Promise<void> {
    await Promise.race([this.gpu.queue.onSubmittedWorkDone().catch(() => {}), this.whenLost]);
  }

  /** @throws EngineError `device-failed` when WebGPU refused something since the device was opened. */
  requireSound(): void {
    if (this.#refused === undefined || this.lost !== undefined) return;
    throw new EngineError("device-failed", `WebGPU refused to compute: ${this.#refused}`);
  }

  async #noteLoss(): Promise<void> {
    const { message, reason } = await this.gpu.lost;
    this.lost = message || reason;
  }
}

/**
 * Opens a device of our own.
 *
 * @throws EngineError `backend-unavailable`
 */
export async function openDevice(
  gpu: GPU,
  software: boolean,
  counters: WebgpuCounters,
): Promise<Device> {
  const adapter = await requestAdapter(gpu, software);
  const requiredFeatures = WANTED_FEATURES.filter((feature) => adapter.features.has(feature));
  const requiredLimits = offeredLimits(adapter, RAISED_LIMITS);
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
  } catch (cause) {
    throw new EngineError(
      "backend-unavailable",
      `${describeAdapter(adapter.info)} gives no device; another page may be using all of it`,
      { cause },
    );
  }
  return new Device(device, adapter.info, counters);
}

function layoutEntries(): GPUBindGroupLayoutEntry[] {
  // GPUShaderStage.COMPUTE, whose global Node lacks.
  const visibility = 4;
  return Object.entries(BINDINGS).map(([name, binding]) => {
    if (name === "settings") return { binding, visibility, buffer: { type: "uniform" } };
    if (name === "places") {
      return { binding, visibility, buffer: { type: "uniform", hasDynamicOffset: true } };
    }
    const type = READ_ONLY.has(name as Memory) ? "read-only-storage" : "storage";
    return { binding, visibility, buffer: { type } };
  });
}
