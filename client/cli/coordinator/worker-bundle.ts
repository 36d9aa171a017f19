import { build } from "esbuild";
import { PROJECT_ROOT } from "./project-root.ts";

/**
 * Bundles the coordinator's Worker into one module.
 *
 * @param entry absolute path of the Worker's entry.
 */
export async function bundleWorker(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    absWorkingDir: PROJECT_ROOT,
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    // Those that Wrangler uses, so that local and deployed Worker resolve packages alike.
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    define: { "process.env.NODE_ENV": '"production"' },
    keepNames: true,
    legalComments: "none",
    logLevel: "silent",
  });
  return outputFiles[0]!.text;
}
