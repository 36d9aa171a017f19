/** What a process has asked of WebGPU. */
export interface GpuCounters {
  readonly dispatches: number;
  readonly submits: number;
  readonly maps: number;
  readonly buffersCreated: number;
  readonly bindGroupsCreated: number;
}

const COUNTED = [
  ["GPUComputePassEncoder", "dispatchWorkgroups", "dispatches"],
  ["GPUComputePassEncoder", "dispatchWorkgroupsIndirect", "dispatches"],
  ["GPUQueue", "submit", "submits"],
  ["GPUBuffer", "mapAsync", "maps"],
  ["GPUDevice", "createBuffer", "buffersCreated"],
  ["GPUDevice", "createBindGroup", "bindGroupsCreated"],
] as const satisfies readonly (readonly [string, string, keyof GpuCounters])[];

type Method = (this: unknown, ...values: unknown[]) => unknown;

/**
 * Counts from now on every call that any library in this process makes to WebGPU, the same way for
 * all of them. WebGPU's classes must be global already.
 *
 * @returns the counts so far
 */
export function countGpuCalls(): () => GpuCounters {
  const counts = {
    dispatches: 0,
    submits: 0,
    maps: 0,
    buffersCreated: 0,
    bindGroupsCreated: 0,
  };
  for (const [owner, name, counter] of COUNTED) {
    const { prototype } = Reflect.get(globalThis, owner) as { prototype: object };
    const original = Reflect.get(prototype, name) as Method;
    const counted: Method = function (...values) {
      counts[counter]++;
      return original.apply(this, values);
    };
    Reflect.set(prototype, name, counted);
  }
  return () => ({ ...counts });
}

/** Counts from `before` to `after`, for each of `steps`. */
export function countsPerStep(before: GpuCounters, after: GpuCounters, steps: number): GpuCounters {
  const share = (name: keyof GpuCounters): number => (after[name] - before[name]) / steps;
  return {
    dispatches: share("dispatches"),
    submits: share("submits"),
    maps: share("maps"),
    buffersCreated: share("buffersCreated"),
    bindGroupsCreated: share("bindGroupsCreated"),
  };
}
