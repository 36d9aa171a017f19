import { join } from "node:path";
import { expect, it } from "vitest";
import { unstable_getMiniflareWorkerOptions as readByWrangler } from "wrangler";
import { PROJECT_ROOT } from "../../../../client/cli/coordinator/project-root.ts";
import { readWranglerConfig } from "../../../../client/cli/coordinator/wrangler-config.ts";

/** What Wrangler says of every Worker: where it stands, and what kinds of modules there are. */
const OF_EVERY_WORKER = new Set(["rootPath", "modulesRules", "email"]);

const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

it("wrangler.toml is read as Wrangler reads it", () => {
  const overrides = { assets: { directory: "/pages" } };
  const file = join(PROJECT_ROOT, "wrangler.toml");
  const { main, workerOptions } = readByWrangler(file, undefined, { overrides });
  const told = Object.entries(workerOptions).filter(
    ([name, value]) => !OF_EVERY_WORKER.has(name) && !isEmpty(value),
  );
  expect(readWranglerConfig("/pages")).toEqual({ main, workerOptions: Object.fromEntries(told) });
});
