import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { chromium } from "playwright";
import { chromiumLaunch } from "../tests/browser/chromium.ts";

const LOADER = "libvulkan.so.1";
const SOFTWARE_DRIVER = "vk_swiftshader_icd.json";

/** Debian's `/usr/bin/chromium` is a script that starts what lies here. */
const DEBIAN_CHROMIUM = "/usr/lib/chromium";

/**
 * What Node's WebGPU needs of Vulkan on a Linux, where the system has no loader of its own: Chromium
 * brings one, and a software driver, in its folder. Not all of that folder is put on the library path,
 * since it has an EGL of Chromium's own besides.
 *
 * @param scratch where a folder for the loader may be made
 * @returns variables to add to the environment; none where the system has a loader, or Chromium none.
 */
export function vulkanEnvironment(scratch: string): Record<string, string> {
  if (process.platform !== "linux" || hasLoader()) return {};
  const { executablePath = chromium.executablePath() } = chromiumLaunch();
  const own = existsSync(executablePath) ? [dirname(realpathSync(executablePath))] : [];
  const folder = [...own, DEBIAN_CHROMIUM].find((path) => existsSync(join(path, LOADER)));
  if (folder === undefined) return {};
  const libraries = join(scratch, "vulkan");
  mkdirSync(libraries);
  symlinkSync(join(folder, LOADER), join(libraries, LOADER));
  const { LD_LIBRARY_PATH, VK_DRIVER_FILES, VK_ICD_FILENAMES } = process.env;
  const driver = join(folder, SOFTWARE_DRIVER);
  const chosen = VK_DRIVER_FILES ?? VK_ICD_FILENAMES;
  return {
    LD_LIBRARY_PATH: [libraries, LD_LIBRARY_PATH].filter(Boolean).join(delimiter),
    ...(chosen === undefined && existsSync(driver) && { VK_ICD_FILENAMES: driver }),
  };
}

function hasLoader(): boolean {
  // Not on everybody's path.
  const { stdout } = spawnSync("/sbin/ldconfig", ["-p"], { encoding: "utf8" });
  return stdout?.includes(LOADER) ?? false;
}
