import { join } from "node:path";
import { expect, it } from "vitest";
import { unstable_getMiniflareWorkerOptions as readByWrangler } from "wrangler";
import { PROJECT_ROOT } from "../../../../client/cli/coordinator/project-root.ts";
import { readWranglerConfig } from "../../../../client/cli/coordinator/wrangler-config.ts";

/** What Wrangler says of every Worker: where it stands, and what kinds of modules there are. */
const OF_EVERY_WORKER = new Set(["rootPath", "modulesRules", "email"]);

const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

it.each([
  ["wrangler.toml", { assets: { directory: "/pages" } }],
  ["wrangler.helper.toml", {}],
])("%s is read as Wrangler reads it", (wranglerFile, overrides) => {
  const file = join(PROJECT_ROOT, wranglerFile);
  const { main, workerOptions } = readByWrangler(file, undefined, { overrides });
  const told = Object.entries(workerOptions).filter(
    ([name, value]) => !OF_EVERY_WORKER.has(name) && !isEmpty(value),
  );
  const { main: read, workerOptions: options } = readWranglerConfig(wranglerFile, "/pages");
  const kept = Object.entries(options).filter(([, value]) => !isEmpty(value));
  expect([read, Object.fromEntries(kept)]).toEqual([main, Object.fromEntries(told)]);
});
