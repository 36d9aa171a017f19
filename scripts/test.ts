/**
 * `npm test`: static checks, the page's build and every test, then one closing line
 * 'N passed, N failed' counted from the test runner's own report (a failed check counts as one).
 */
import { execFile, spawn, type StdioOptions } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureChromium } from "./chromium.ts";
import { vulkanEnvironment } from "./vulkan.ts";

type Check = readonly [title: string, command: string, ...args: string[]];

/** Two rows of checks, one beside the other: most of them keep one core busy. */
const CHECKS: readonly (readonly Check[])[] = [
  [["types", "tsc", "-b"]],
  [
    ["format", "oxfmt", "--check", "."],
    ["lint", "oxlint", "--deny-warnings"],
    ["dead code", "knip"],
    ["pages", "vite", "build", "--logLevel", "warn"],
  ],
];

interface VitestReport {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: unknown[];
  }[];
}

/** Shows what the check printed when it has ended, whole, whatever runs beside it. */
function isGreen([title, command, ...args]: Check): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(command, args, { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      console.log(`\n── ${title}: ${command} ${args.join(" ")}`);
      process.stdout.write(stdout + stderr);
      // A check that failed has said why; one that could not be started has not.
      if (error && stdout + stderr === "") console.log(error.message);
      resolve(error === null);
    });
  });
}

let passed = 0;
let failed = 0;
const failedChecks: string[] = [];

ensureChromium();
await Promise.all(
  CHECKS.map(async (row) => {
    for (const check of row) {
      if (await isGreen(check)) continue;
      failed++;
      failedChecks.push(check[0]);
    }
  }),
);

/**
 * One beside the other: real processes wait for each other half of the time, and meanwhile the rest
 * computes.
 */
const RUNS: readonly (readonly string[])[] = [
  ["--project", "unit*", "--project", "edge", "--project", "browser"],
  ["--project", "integration"],
];

/**
 * glibc's: memory that was freed is kept. By default much of it goes back to the system at once and comes
 * again page by page, which was half of what compiling shaders for the software GPU takes.
 */
const KEPT_MEMORY = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: String(32 * 2 ** 20),
  MALLOC_TOP_PAD_: String(64 * 2 ** 20),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 30),
};

const given = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), "scour-test-"));
const env = { ...KEPT_MEMORY, ...process.env, ...vulkanEnvironment(scratch) };

/** The first's progress is seen; what others print is shown when they have ended, whole. */
async function runTests(projects: readonly string[], index: number): Promise<void> {
  const reportFile = join(scratch, `report-${index}.json`);
  const runner = [
    "run",
    ...projects,
    "--passWithNoTests",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${reportFile}`,
    ...given,
  ];
  const stdio: StdioOptions = index === 0 ? ["ignore", 1, 2] : ["ignore", "pipe", "pipe"];
  const vitest = spawn("vitest", runner, { stdio, env });
  const said: Buffer[] = [];
  for (const stream of [vitest.stdout, vitest.stderr]) {
    stream?.on("data", (chunk: Buffer) => said.push(chunk));
  }
  const endedWell = await new Promise<boolean>((resolve) => {
    vitest.once("error", (error) => {
      console.error(error.message);
      resolve(false);
    });
    vitest.once("close", (code) => resolve(code === 0));
  });
  process.stdout.write(Buffer.concat(said));
  let failures = 0;
  try {
    const report = JSON.parse(readFileSync(reportFile, "utf8")) as VitestReport;
    passed += report.numPassedTests;
    // A file that fails to load has no assertions of its own, yet is a failure.
    const unloaded = report.testResults.filter(
      ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
    ).length;
    failures = report.numFailedTests + unloaded;
  } catch (error) {
    console.error(`The test runner left no report: ${String(error)}`);
  }
  failed += endedWell ? failures : Math.max(1, failures);
}

await Promise.all(
  given.some((word) => word.startsWith("--project")) ? [runTests([], 0)] : RUNS.map(runTests),
);
rmSync(scratch, { recursive: true, force: true });
if (passed === 0) failed++;

// Said again at the end: the tests' output has pushed the check's own far up.
for (const title of failedChecks) console.log(`✗ check failed: ${title} (see above)`);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
