/**
 * `npm run bench:engine`: one distillation step on the project's engines, on the libraries it could have
 * used, and in PyTorch, on the same adapter and processor in one run.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
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
import type { CaseSize } from "./engine/distillation-case.ts";
import { describeLayers } from "./engine/layers/describe-layers.ts";
import { LAYER_SETS, type LayerSet } from "./engine/layers/layer-graphs.ts";
import { measureLayers } from "./engine/layers/measure-layers.ts";
import { NETWORK_NAMES } from "./engine/networks.ts";
import { NODE_ENGINES } from "./engine/open-contestant.ts";
import { plannedDispatches } from "./engine/planned-dispatches.ts";
import { torchEntrant, torchRefusal } from "./engine/pytorch.ts";
import { describeComparison, ratiosOf, thisMachine } from "./engine/report.ts";
import { WasmPeak } from "./engine/wasm-peak.ts";

const ENGINES = [...NODE_ENGINES, "pytorch"] as const;
const USUAL_NETWORKS = ["resnet18-16", "resnet18-64", "mobilenetv2-32"] as const;

const HELP = `Usage: npm run bench:engine -- [options]

One distillation step: images/s and GFLOP/s of each engine, all of them in turn, round after round,
each in a process of its own. What would not fit the time is left out and named.

  --network a,b     of ${NETWORK_NAMES.join(", ")};
                    ${USUAL_NETWORKS.join(", ")} when left out
  --batch 16,32     images a step; 32 and 128 of ResNet-18, 16 of others when left out
  --engines a,b     of ${ENGINES.join(", ")}
  --threads 1,2     of ours-wasm and pytorch
  --python python3  interpreter that has torch
  --seconds 1       of steps in each round, one step at least
  --rounds 3
  --minutes 10      for all of it, roughly
  --all             however long it takes
  --json            one JSON document on standard output, nothing else
  --layers SET      instead: the kernels of ours-wasm in a step, what binds them and the share of that
                    which they reach; of depthwise, for each layer, or of a network, for each kind;
                    --batch 16 where it is left out, with --threads and --rounds
`;

const { values: options } = parseArgs({
  options: {
    ...COMMON_OPTIONS,
    threads: { type: "string", default: "1,2" },
    layers: { type: "string" },
    python: { type: "string", default: "python3" },
  },
});
if (options.help) {
  console.log(HELP);
  process.exit(0);
}
const threads = wholeNumbers("threads", options.threads);
const mostThreads = Math.max(...threads);
if (mostThreads > availableParallelism()) {
  refuse(`--threads ${options.threads}: this machine runs ${availableParallelism()} at once`);
}
const rounds = wholeNumbers("rounds", options.rounds)[0]!;
const note = (line: string): void => void process.stderr.write(`${line}\n`);

if (options.layers === undefined) await printComparison();
else await printLayers(chosen("layers", options.layers, LAYER_SETS)[0]!);
// Dawn's instance would keep the process; what standard output still holds is written first.
process.stdout.write("", () => process.exit());

async function printLayers(set: LayerSet): Promise<void> {
  const batch = wholeNumbers("batch", options.batch ?? "16")[0]!;
  const measured = await measureLayers({ set, batch, threads, rounds, note });
  const machine = thisMachine();
  console.log(
    options.json
      ? JSON.stringify({ set, batch, machine, ...measured })
      : describeLayers(measured, machine, batch),
  );
}

async function printComparison(): Promise<void> {
  const sizes = sizesOf(
    chosen("network", options.network ?? USUAL_NETWORKS.join(), NETWORK_NAMES),
    options.batch === undefined ? undefined : wholeNumbers("batch", options.batch),
  );
  const engines = chosen("engines", options.engines, ENGINES);
  const folder = await mkdtemp(join(tmpdir(), "scour-bench-"));
  try {
    await compare(
      sizes,
      engines,
      engines.flatMap((engine) => entrantsOf(engine, folder)),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

function entrantsOf(engine: (typeof ENGINES)[number], folder: string): Entrant[] {
  if (engine === "pytorch") {
    const refusal = torchRefusal(options.python, "cpu");
    if (refusal !== undefined) note(`pytorch is left out: ${refusal}`);
    return refusal === undefined
      ? threads.map((count) => torchEntrant(options.python, "cpu", folder, count))
      : [];
  }
  // tfjs' own has threads in browsers only (its issue 3830).
  const counts = engine === "ours-wasm" ? threads : [1];
  return counts.map((count) => ({ engine, threads: count, start: ContestantProcess.node }));
}

async function compare(
  sizes: readonly CaseSize[],
  engines: readonly (typeof ENGINES)[number][],
  entrants: readonly Entrant[],
): Promise<void> {
  // Without an adapter its engines are left out, each with what it says to that.
  const wantsGpu = engines.some((engine) => /webgpu|jax/.test(engine));
  const adapter = wantsGpu ? await probeAdapter() : undefined;
  const peaks = Array.from({ length: mostThreads }, (_, i) => new WasmPeak(i + 1));

  const comparison = await compareEngines({
    sizes,
    entrants,
    roundSeconds: positive("seconds", options.seconds),
    rounds,
    budgetSeconds: options.all ? Infinity : 60 * positive("minutes", options.minutes),
    peaks,
    note,
  });
  const { rows, leftOut } = comparison;
  const complaints = lossComplaints(rows);
  const planned = sizes.map(plannedDispatches);
  const surroundings = {
    machine: thisMachine(),
    adapter: adapter?.name,
    driver: adapter?.driver,
  };
  if (options.json) {
    const ours = rows.findLast(({ engine }) => engine === "ours-webgpu");
    const document = {
      rows,
      counters: ours?.counters ? { ...ours.counters, maps: ours.maps } : null,
      wasmPeakGflops: peaks[0]!.gflops,
      wasmPeakGflopsOfThreads: peaks.map(({ gflops }) => gflops),
      ratios: ratiosOf(rows),
      planned,
      leftOut,
      complaints,
      ...surroundings,
    };
    console.log(JSON.stringify(document));
  } else {
    console.log(describeComparison(comparison, surroundings, peaks, complaints, planned));
  }
  process.exitCode = complaints.length > 0 ? 1 : 0;
}
