import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

/** The notices that the licences of what is bundled ask for, beside it. */
const notices: Plugin = {
  name: "notices",
  generateBundle() {
    const source = readFileSync(new URL("NOTICE", import.meta.url));
    this.emitFile({ type: "asset", fileName: "NOTICE.txt", source });
  },
};

/**
 * The pages, built to dist/web, from where the Worker serves them under a policy that permits this
 * origin only: no inline scripts, no eval.
 */
export default defineConfig({
  root: fileURLToPath(new URL("client/web", import.meta.url)),
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: { format: "es" },
  plugins: [notices],
  build: {
    outDir: fileURLToPath(new URL("dist/web", import.meta.url)),
    emptyOutDir: true,
    target: "es2024",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // `vite` alone serves the pages for work on them; the coordinator runs beside it.
  server: {
    proxy: { "/api": { target: "http://127.0.0.1:8787", ws: true } },
    // As the coordinator sends them: without, the tab has no shared memory and one thread.
    headers: {
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
    },
  },
});
