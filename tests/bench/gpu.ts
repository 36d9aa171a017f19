/**
 * `npm run bench:gpu`: one distillation step on real graphics hardware, through Node's `webgpu`
 * package over Vulkan, and in PyTorch on the same card; a report under docs/benchmarks.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { probeAdapter } from "./engine/adapter.ts";
import {
  chosen,
  COMMON_OPTIONS,
  positive,
  refuse,
  sizesOf,
  wholeNumbers,
} from "./engine/arguments.ts";
import { lossComplaints } from "./engine/check-losses.ts";
import { compareEngines, type Entrant } from "./engine/compare.ts";
import { ContestantProcess } from "./engine/contestant-process.ts";
import { NETWORK_NAMES } from "./engine/networks.ts";
import { torchEntrant, torchRefusal } from "./engine/pytorch.ts";
import { describeComparison, ratiosOf, thisMachine } from "./engine/report.ts";

const ENGINES = [
  "ours-webgpu",
  "ours-webgpu-f16",
  "tfjs-webgpu",
  "tfjs-webgpu-fast",
  "jax-js",
  "pytorch",
] as const;

const HELP = `Usage: npm run bench:gpu -- [options]

One distillation step on real graphics hardware: WebGPU engines Node's 'webgpu' package, and PyTorch float32 (TF32 off) on the same card where python3, torch and
CUDA are there. Writes docs/benchmarks/<date>-<adapter>.md.
VK_DRIVER_FILES chooses the Vulkan driver.

  --network a,b     of ${NETWORK_NAMES.join(", ")}; resnet18-64 when left out
  --batch 128,512   images a step
  --engines a,b     of ${ENGINES.join(", ")}
  --seconds 1       of steps in each round, one step at least
  --rounds 3
  --minutes 10      for all of it, roughly
  --all             however long it takes
  --python python3  interpreter that has torch
  --torch-device    cuda, or cpu to try the script out
  --allow-software  take an adapter emulated on the processor, to try all of it out
  --out FOLDER      instead of docs/benchmarks
  --json            one JSON document on standard output, nothing else
`;

const { values: options } = parseArgs({
  options: {
    ...COMMON_OPTIONS,
    python: { type: "string", default: "python3" },
    "torch-device": { type: "string", default: "cuda" },
    "allow-software": { type: "boolean", default: false },
    out: { type: "string" },
  },
});
if (options.help) {
  console.log(HELP);
  process.exit(0);
}
const note = (line: string): void => void process.stderr.write(`${line}\n`);
const sizes = sizesOf(
  chosen("network", options.network ?? "resnet18-64", NETWORK_NAMES),
  wholeNumbers("batch", options.batch ?? "128,512"),
);
const engines = chosen("engines", options.engines, ENGINES);
const [device] = chosen("torch-device", options["torch-device"], ["cuda", "cpu"] as const);

const adapter =
  (await probeAdapter()) ??
  refuse("WebGPU offers no adapter here: install the card's Vulkan driver and its loader.");
if (adapter.software && !options["allow-software"]) {
  refuse(
    `The only WebGPU adapter here (${adapter.name}) runs in software; this benchmark is for real ` +
      "hardware. Install the card's Vulkan driver, or point VK_DRIVER_FILES at its ICD file; " +
      "'npm run bench:engine' measures on software adapters.",
  );
}

const folder = await mkdtemp(join(tmpdir(), "scour-bench-"));
try {
  const entrants: Entrant[] = [];
  for (const engine of engines) {
    if (engine !== "pytorch") {
      entrants.push({ engine, threads: 1, start: ContestantProcess.node });
      continue;
    }
    const refusal = torchRefusal(options.python, device!);
    if (refusal === undefined) entrants.push(torchEntrant(options.python, device!, folder, 1));
    else note(`pytorch is left out: ${refusal}`);
  }
  const comparison = await compareEngines({
    sizes,
    entrants,
    roundSeconds: positive("seconds", options.seconds),
    rounds: wholeNumbers("rounds", options.rounds)[0]!,
    budgetSeconds: options.all ? Infinity : 60 * positive("minutes", options.minutes),
    peaks: [],
    note,
  });
  const complaints = lossComplaints(comparison.rows);
  const surroundings = {
    machine: thisMachine(),
    adapter: adapter.name,
    driver: adapter.driver,
  };
  const text = describeComparison(comparison, surroundings, [], complaints);
  const path = await writeReport(text);
  note(`written to ${path}`);
  if (options.json) {
    const ratios = ratiosOf(comparison.rows);
    console.log(JSON.stringify({ ...comparison, ratios, complaints, ...surroundings }));
  } else {
    console.log(text);
  }
  process.exitCode = complaints.length > 0 ? 1 : 0;
} finally {
  await rm(folder, { recursive: true });
}
// Dawn's instance would keep the process; what standard output still holds is written first.
process.stdout.write("", () => process.exit());

async function writeReport(text: string): Promise<string> {
  const reports = options.out ?? fileURLToPath(new URL("../../docs/benchmarks", import.meta.url));
  const date = new Date().toISOString().slice(0, 10);
  const words = adapter.name.toLowerCase().match(/[a-z0-9]+/g) ?? ["adapter"];
  const path = join(reports, `${date}-${words.slice(0, 6).join("-")}.md`);
  await mkdir(reports, { recursive: true });
  await writeFile(path, `# ${adapter.name}, ${date}\n\n${text}\n`);
  return path;
}
