import { existsSync } from "node:fs";
import { BOUNDS_MS } from "../patience.ts";

const SYSTEM_CHROMIUM = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];

/**
 * How tests start Chromium: the binary of SCOUR_CHROMIUM, else the system's, else Playwright's own
 * (`executablePath` left out), with WebGPU on the software adapter.
 *
 * The separate headless shell has no WebGPU, so callers pass `headless: false` and the argument
 * `--headless=new` does what it says.
 */
export function chromiumLaunch(): {
  executablePath?: string;
  headless: false;
  timeout: number;
  args: string[];
} {
  const executablePath = process.env["SCOUR_CHROMIUM"] ?? SYSTEM_CHROMIUM.find(existsSync);
  return {
    ...(executablePath === undefined ? {} : { executablePath }),
    headless: false,
    timeout: BOUNDS_MS.browser.wait,
    args: [
      "--headless=new",
      "--no-sandbox",
      "--enable-unsafe-webgpu",
      "--use-webgpu-adapter=swiftshader",
      // It ends a GPU's process that is silent for long: a software GPU is while it compiles on a busy machine.
      "--disable-gpu-watchdog",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
    ],
  };
}
