import { fileURLToPath } from "node:url";
import { chromium } from "playwright";
import { createServer } from "vite";
import type { BackendName } from "../../client/engine/engine.ts";
import { chromiumLaunch } from "../../tests/browser/chromium.ts";
import type { GoldenRun, ReadFile } from "./golden-case.ts";
import type { Errors } from "./reproduce.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Reproduces a golden run in a Chromium tab, served from the sources.
 *
 * @param read reads a file of the golden folder
 */
export async function reproduceInTab(
  backend: BackendName,
  run: Partial<GoldenRun>,
  read: ReadFile,
  log: (message: string) => void,
): Promise<Errors> {
  const server = await createServer({
    root: ROOT,
    configFile: false,
    logLevel: "error",
    cacheDir: "node_modules/.vite-golden",
    server: {
      host: "127.0.0.1",
      port: 0,
      headers: {
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
      },
    },
  });
  try {
    await server.listen();
    const [origin] = server.resolvedUrls?.local ?? [];
    const browser = await chromium.launch(chromiumLaunch());
    try {
      const page = await browser.newPage();
      page.on("pageerror", (error) => log(String(error)));
      const encode = async (path: string): Promise<string> =>
        Buffer.from(await read(path)).toString("base64");
      await page.exposeFunction("goldenFile", encode);
      await page.exposeFunction("goldenLog", log);
      await page.goto(`${origin}scripts/golden/tab.html`);
      await page.waitForFunction(() => "reproduceGolden" in globalThis);
      return await page.evaluate(([name, settings]) => window.reproduceGolden(name, settings), [
        backend,
        run,
      ] as const);
    } finally {
      await browser.close();
    }
  } finally {
    await server.close();
  }
}
