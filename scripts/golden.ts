/**
 * `npm run golden -- DIR`: reproduces a distillation run that an independent implementation
 * recorded, on each backend, and prints the relative L2 error of every tensor.
 */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Command, Option } from "commander";
import type { BackendName } from "../client/engine/engine.ts";
import { EngineError } from "../client/engine/engine-error.ts";
import { nodeEnvironment } from "../client/engine/node-environment.ts";
import { openEngine } from "../client/engine/open-engine.ts";
import { readGoldenCase, type GoldenCase, type GoldenRun } from "./golden/golden-case.ts";
import { reproduce, reproduceGradientOnly, type Errors } from "./golden/reproduce.ts";

/** Largest relative L2 error allowed, by backend. */
const TOLERANCE: Readonly<Record<BackendName, number>> = {
  webgpu: 1e-3,
  wasm: 1e-3,
  "tfjs-webgpu": 1e-3,
  "tfjs-webgl": 1e-3,
  "tfjs-wasm": 1e-3,
  cpu: 1e-4,
};

interface Options {
  readonly backend?: readonly BackendName[];
  readonly teacher?: string;
  readonly images?: string;
  readonly json?: boolean;
}

interface Report {
  readonly backend: BackendName;
  readonly worst: number;
  readonly tensors: Errors;
}

async function loadCase(folder: string, options: Options): Promise<GoldenCase> {
  const read = async (path: string): Promise<Uint8Array> => readFile(resolve(folder, path));
  let recorded: Partial<GoldenRun> = {};
  try {
    recorded = JSON.parse(await readFile(resolve(folder, "run.json"), "utf8")) as typeof recorded;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const { teacher, images } = options;
  return readGoldenCase(read, {
    ...recorded,
    ...(teacher === undefined ? {} : { teacher: resolve(teacher) }),
    ...(images === undefined ? {} : { images: resolve(images) }),
  });
}

async function run(backend: BackendName, golden: GoldenCase, quiet: boolean): Promise<Report> {
  const engine = await openEngine({ backend, environment: nodeEnvironment() });
  const started = performance.now();
  const log = (message: string): void => {
    if (!quiet) console.error(`  ${backend}: ${message}`);
  };
  log(engine.adapter);
  // A GPU emulated in software would take hours over the whole run.
  const tensors =
    backend === "webgpu" && engine.adapter.includes("software")
      ? await reproduceGradientOnly(engine, golden)
      : await reproduce(engine, golden, log);
  await engine.close();
  log(`${((performance.now() - started) / 1000).toFixed(1)} s`);
  return { backend, worst: Math.max(...Object.values(tensors)), tensors };
}

function print({ backend, worst, tensors }: Report): void {
  console.log(`\n${backend} (tolerance ${TOLERANCE[backend]})`);
  for (const [name, error] of Object.entries(tensors)) {
    const mark = error <= TOLERANCE[backend] ? " " : "✗";
    console.log(`${mark} ${error.toExponential(2)}  ${name}`);
  }
  console.log(`  ${worst.toExponential(2)}  worst`);
}

const command = new Command("golden")
  .description("Reproduce a recorded distillation run and print the error of every tensor")
  .argument("<dir>", "golden folder: expected.json, student0, gradient0, student<steps>")
  .addOption(
    new Option("--backend <name...>", "backends to run; default all that there are").choices([
      "wasm",
      "cpu",
      "webgpu",
    ]),
  )
  .option("--teacher <file>", "teacher, if it is not where run.json or the default says")
  .option("--images <file>", "CIFAR records, likewise")
  .option("--json", "print one JSON document: [{ backend, worst, tensors }]")
  .action(async (folder: string, options: Options) => {
    const golden = await loadCase(folder, options);
    const reports: Report[] = [];
    for (const backend of options.backend ?? (["wasm", "cpu", "webgpu"] as const)) {
      let report: Report;
      try {
        report = await run(backend, golden, options.json === true);
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
    const failed = reports.filter(({ backend, worst }) => !(worst <= TOLERANCE[backend]));
    // Dawn's instance keeps Node alive, so end by hand once the output is out.
    process.stdout.write("", () => process.exit(failed.length === 0 ? 0 : 1));
  });

try {
  await command.parseAsync();
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
