import { execFileSync } from "node:child_process";
import { nodeEnvironment } from "../../../client/engine/opening/node-environment.ts";
import { isSoftware } from "../../../client/engine/webgpu/device/adapter.ts";

export interface AdapterFacts {
  /** For people, all that WebGPU tells of it. */
  readonly name: string;
  readonly driver: string | undefined;
  readonly software: boolean;
}

/** The adapter that every engine here will be given: all ask for the fastest; undefined without any. */
export async function probeAdapter(): Promise<AdapterFacts | undefined> {
  const gpu = await nodeEnvironment().gpu();
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return undefined;
  const { info } = adapter;
  const words = [info.vendor, info.architecture, info.device, info.description];
  return {
    name: words.filter(Boolean).join(" "),
    driver: nvidiaDriver() ?? (info.description || undefined),
    software: isSoftware(info),
  };
}

const NVIDIA_TOOL = "nvidia-smi";

/** `NVIDIA H200, 550.90`; undefined without NVIDIA's tool. */
function nvidiaDriver(): string | undefined {
  try {
    const query = ["--query-gpu=name,driver_version", "--format=csv,noheader"];
    const told = execFileSync(NVIDIA_TOOL, query, { encoding: "utf8", stdio: "pipe" });
    return told.trim().split("\n")[0];
  } catch {
    return undefined;
  }
}
