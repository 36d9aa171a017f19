import { EngineError } from "../../engine-error.ts";

/**
 * The GPU to work on.
 *
 * @param software whether an adapter emulated on the CPU will do.
 * @throws EngineError `backend-unavailable` when there is no adapter, or only a software one.
 */
export async function requestAdapter(gpu: GPU, software: boolean): Promise<GPUAdapter> {
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new EngineError("backend-unavailable", "WebGPU offers no adapter here");
  if (isSoftware(adapter.info) && !software) {
    throw new EngineError(
      "backend-unavailable",
      `the only WebGPU adapter (${adapterName(adapter.info)}) runs in software`,
    );
  }
  return adapter;
}

/** Whether an adapter is emulated on the CPU. */
export function isSoftware(info: GPUAdapterInfo): boolean {
  return (
    info.isFallbackAdapter ||
    /swiftshader|llvmpipe|lavapipe|basic render/i.test(`${info.architecture} ${info.description}`)
  );
}

function adapterName(info: GPUAdapterInfo): string {
  return info.description || [info.vendor, info.architecture].filter(Boolean).join(" ") || "GPU";
}

/** For people: `NVIDIA RTX 4060 (webgpu)`. */
export function describeAdapter(info: GPUAdapterInfo, ...notes: readonly string[]): string {
  const all = ["webgpu", ...(isSoftware(info) ? ["software"] : []), ...notes];
  return `${adapterName(info)} (${all.join(", ")})`;
}

/** What the adapter offers of these limits, to be asked for; WebGPU's defaults are low. */
export function offeredLimits(
  { limits }: GPUAdapter,
  names: readonly (keyof GPUSupportedLimits)[],
): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, limits[name] as number]));
}
