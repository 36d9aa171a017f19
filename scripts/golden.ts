/**
 * `npm run golden -- DIR`: reproduces a distillation run that an independent implementation
 * recorded, on each backend, and prints the relative L2 error of every tensor.
 */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Command, Option } from "commander";
import { BACKEND_NAMES } from "../client/engine/backends.ts";
import type { BackendName } from "../client/engine/engine.ts";
import { EngineError } from "../client/engine/engine-error.ts";
import { nodeEnvironment } from "../client/engine/opening/node-environment.ts";
import { openEngine } from "../client/engine/opening/open-engine.ts";
import {
  readGoldenCase,
  type GoldenCase,
  type GoldenRun,
  type ReadFile,
} from "./golden/golden-case.ts";
import { reproduce, type Errors } from "./golden/reproduce.ts";
import { reproduceInTab } from "./golden/run-in-tab.ts";

/** Largest relative L2 error allowed. */
const TOLERANCE = 1e-3;

interface Options {
  readonly backend?: readonly BackendName[];
  readonly teacher?: string;
  readonly images?: string;
  readonly tab?: boolean;
  readonly json?: boolean;
}

interface Report {
  readonly backend: BackendName;
  readonly worst: number;
  readonly tensors: Errors;
}

function readerOf(folder: string): ReadFile {
  return async (path) => readFile(resolve(folder, path));
}

/** What the folder says of its run, and the command line says instead. */
async function runOf(folder: string, options: Options): Promise<Partial<GoldenRun>> {
  let recorded: Partial<GoldenRun> = {};
  try {
    recorded = JSON.parse(await readFile(resolve(folder, "run.json"), "utf8")) as typeof recorded;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const { teacher, images } = options;
  return {
    ...recorded,
    ...(teacher === undefined ? {} : { teacher: resolve(teacher) }),
    ...(images === undefined ? {} : { images: resolve(images) }),
  };
}

async function run(backend: BackendName, folder: string, options: Options): Promise<Report> {
  const started = performance.now();
  const log = (message: string): void => {
    if (!options.json) console.error(`  ${backend}: ${message}`);
  };
  const settings = await runOf(folder, options);
  const tensors = options.tab
    ? await reproduceInTab(backend, settings, readerOf(folder), log)
    : await runHere(backend, await readGoldenCase(readerOf(folder), settings), log);
  log(`${((performance.now() - started) / 1000).toFixed(1)} s`);
  return { backend, worst: Math.max(...Object.values(tensors)), tensors };
}

async function runHere(
  backend: BackendName,
  golden: GoldenCase,
  log: (message: string) => void,
): Promise<Errors> {
  const engine = await openEngine({ backend, environment: nodeEnvironment() });
  log(engine.adapter);
  try {
    return await reproduce(engine, golden, log);
  } finally {
    await engine.close();
  }
}

function print({ backend, worst, tensors }: Report): void {
  console.log(`\n${backend} (tolerance ${TOLERANCE})`);
  for (const [name, error] of Object.entries(tensors)) {
    const mark = error <= TOLERANCE ? " " : "✗";
    console.log(`${mark} ${error.toExponential(2)}  ${name}`);
  }
  console.log(`  ${worst.toExponential(2)}  worst`);
}

const command = new Command("golden")
  .description("Reproduce a recorded distillation run and print the error of every tensor")
  .argument("<dir>", "golden folder: expected.json, student0, gradient0, student<steps>")
  .addOption(
    new Option("--backend <name...>", "backends to run; default all that there are").choices(
      BACKEND_NAMES,
    ),
  )
  .option("--tab", "run in a Chromium tab instead of here")
  .option("--teacher <file>", "teacher, if it is not where run.json or the default says")
  .option("--images <file>", "CIFAR records, likewise")
  .option("--json", "print one JSON document: [{ backend, worst, tensors }]")
  .action(async (folder: string, options: Options) => {
    const reports: Report[] = [];
    for (const backend of options.backend ?? BACKEND_NAMES) {
      let report: Report;
      try {
        report = await run(backend, folder, options);
      } catch (error) {
        const absent = error instanceof EngineError && error.code === "backend-unavailable";
        if (!absent || options.backend !== undefined) throw error;
        console.error(`${backend} is left out: ${error.message}`);
        continue;
      }
      if (!options.json) print(report);
      reports.push(report);
    }
    if (options.json) console.log(JSON.stringify(reports));
    const failed = reports.filter(({ worst }) => !(worst <= TOLERANCE));
    // Dawn's instance keeps Node alive, so end by hand once the output is out.
    process.stdout.write("", () => process.exit(failed.length === 0 ? 0 : 1));
  });

try {
  await command.parseAsync();
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
