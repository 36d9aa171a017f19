import { availableParallelism } from "node:os";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { chromiumLaunch } from "./tests/browser/chromium.ts";
import { LongestFirst } from "./tests/longest-first.ts";
import { BOUNDS_MS } from "./tests/patience.ts";

/** Files at a time. Vitest's own number leaves a core free, which is half of a small machine. */
const maxWorkers = Math.max(2, availableParallelism() - 1);

/** Tests that put another module in a module's place: no other file may share what they load. */
const MOCKED = "tests/unit/**/*.mocked.test.ts";

const bounded = (project: keyof typeof BOUNDS_MS) => {
  const { test, wait } = BOUNDS_MS[project];
  return { testTimeout: test, hookTimeout: test, expect: { poll: { timeout: wait } } };
};

/**
 * Four kinds of tests: `unit` in Node, `edge` inside workerd, `browser` in a Chromium tab with
 * software WebGPU, `integration` against real coordinator processes.
 */
export default defineConfig({
  test: {
    // The Workers pool reads the module cache from where the plain pool does not write it.
    fsModuleCache: false,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: "unit",
          include: ["tests/unit/**/*.test.ts"],
          exclude: [MOCKED],
          // Each file in a process of its own would be mostly loading what the one before had loaded.
          isolate: false,
          maxWorkers,
          ...bounded("unit"),
        },
      },
      {
        test: {
          name: "unit-mocked",
          include: [MOCKED],
          maxWorkers,
          ...bounded("unit"),
        },
      },
      {
        plugins: [
          cloudflareTest({
            main: "./tests/edge/both-workers.ts",
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              durableObjects: { RECORDS: { className: "RecordBook", useSQLite: true } },
              bindings: {
                SCOUR_ADMIN_TOKEN: "admin-token-of-the-tests",
                SCOUR_SIGNING_KEY: "signing-key-of-the-tests-32-bytes-long",
              },
            },
          }),
        ],
        test: {
          name: "edge",
          include: ["tests/edge/**/*.test.ts"],
          // As in `unit`; a test's campaigns are its own, whoever else is in the same storage.
          isolate: false,
          maxWorkers,
          ...bounded("edge"),
        },
      },
      {
        test: {
          name: "browser",
          include: ["tests/browser/**/*.test.ts"],
          maxWorkers,
          ...bounded("browser"),
          browser: {
            enabled: true,
            connectTimeout: BOUNDS_MS.browser.wait,
            headless: false,
            ui: false,
            screenshotFailures: false,
            instances: [{ browser: "chromium" }],
            provider: playwright({ launchOptions: chromiumLaunch() }),
          },
        },
      },
      {
        test: {
          name: "integration",
          include: ["tests/integration/**/*.test.ts"],
          // Each starts several processes of its own, and waits for them most of the time.
          maxWorkers: maxWorkers + 1,
          ...bounded("integration"),
        },
      },
    ],
  },
});
