import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chromium } from "playwright";
import { chromiumLaunch } from "../tests/browser/chromium.ts";

/**
 * Makes sure that there is a Chromium for the browser tests: the one `chromiumLaunch` finds, else
 * Debian's package when this is root on a Debian, else Playwright's own.
 *
 * @throws Error when none could be installed, with what to do by hand.
 */
export function ensureChromium(): void {
  const { executablePath = chromium.executablePath() } = chromiumLaunch();
  if (existsSync(executablePath)) return;
  if (process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    console.error("Installing Debian's chromium for the browser tests …");
    const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    execFileSync("apt-get", ["update", "-q"], { stdio: ["ignore", 2, 2], env: environment });
    execFileSync("apt-get", ["install", "-y", "-q", "chromium"], {
      stdio: ["ignore", 2, 2],
      env: environment,
    });
  } else {
    console.error("Installing Playwright's Chromium for the browser tests …");
    spawnSync("npx", ["playwright", "install", "chromium"], { stdio: ["ignore", 2, 2] });
  }
  const installed = chromiumLaunch().executablePath ?? chromium.executablePath();
  if (!existsSync(installed)) {
    throw new Error(
      "There is no Chromium for the browser tests. Install one (Debian: `apt-get install chromium`; " +
        "elsewhere: `npx playwright install chromium`) or name one in SCOUR_CHROMIUM.",
    );
  }
}
