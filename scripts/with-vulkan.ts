/**
 * `node scripts/node.mjs scripts/with-vulkan.ts FILE …` runs a script of this project where Node's WebGPU
 * finds a Vulkan loader: the system's, or Chromium's where that has none.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { vulkanEnvironment } from "./vulkan.ts";

const scratch = mkdtempSync(join(tmpdir(), "scour-vulkan-"));
const runner = fileURLToPath(new URL("./node.mjs", import.meta.url));
const env = { ...process.env, ...vulkanEnvironment(scratch) };
const child = spawn(process.execPath, [runner, ...process.argv.slice(2)], {
  stdio: "inherit",
  env,
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => child.kill(signal));
}
child.on("exit", (code, signal) => {
  rmSync(scratch, { recursive: true, force: true });
  process.exitCode = code ?? (signal === null ? 1 : 128);
});
