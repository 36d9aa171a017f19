/**
 * `npm test`: static checks, the page's build and every test, then one closing line
 * 'N passed, N failed' counted from the test runner's own report (a failed check counts as one).
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureChromium } from "./chromium.ts";
import { vulkanEnvironment } from "./vulkan.ts";

const CHECKS: readonly (readonly [title: string, command: string, ...args: string[]])[] = [
  ["types", "tsc", "-b"],
  ["format", "oxfmt", "--check", "."],
  ["lint", "oxlint", "--deny-warnings"],
  ["dead code", "knip"],
  ["pages", "vite", "build", "--logLevel", "warn"],
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

function run(
  command: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): boolean {
  const env = { ...process.env, ...variables };
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", 1, 2], env });
  if (error) console.error(error.message);
  return status === 0;
}

let passed = 0;
let failed = 0;
const failedChecks: string[] = [];

ensureChromium();
for (const [title, command, ...args] of CHECKS) {
  console.log(`\n── ${title}: ${command} ${args.join(" ")}`);
  if (!run(command, args)) {
    failed++;
    failedChecks.push(title);
  }
}

/**
 * Coordinator processes are tried after all else, in a run of their own: a browser's page, which stays
 * open as long as its run lasts, takes a good part of a core all that time.
 */
const RUNS: readonly (readonly string[])[] = [
  ["--project", "unit", "--project", "edge", "--project", "browser"],
  ["--project", "integration"],
];

const given = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), "scour-test-"));
const variables = vulkanEnvironment(scratch);
for (const projects of given.some((word) => word.startsWith("--project")) ? [[]] : RUNS) {
  const reportFile = join(scratch, "report.json");
  rmSync(reportFile, { force: true });
  const runner = [
    "run",
    ...projects,
    "--passWithNoTests",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${reportFile}`,
    ...given,
  ];
  const before = failed;
  const runGreen = run("vitest", runner, variables);
  try {
    const report = JSON.parse(readFileSync(reportFile, "utf8")) as VitestReport;
    passed += report.numPassedTests;
    // A file that fails to load has no assertions of its own, yet is a failure.
    const unloaded = report.testResults.filter(
      ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
    ).length;
    failed += report.numFailedTests + unloaded;
  } catch (error) {
    console.error(`The test runner left no report: ${String(error)}`);
    failed++;
  }
  if (!runGreen && failed === before) failed++;
}
rmSync(scratch, { recursive: true, force: true });
if (passed === 0) failed++;

// Said again at the end: the tests' output has pushed the check's own far up.
for (const title of failedChecks) console.log(`✗ check failed: ${title} (see above)`);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
