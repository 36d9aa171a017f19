/**
 * `npm run bench:engine`: one distillation step of ResNet-18 on the project's engines and on the
 * libraries it could have used, on the same adapter and processor in one run.
 */
import { availableParallelism } from "node:os";
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
import { describeLayers } from "./engine/layers/describe-layers.ts";
import { LAYER_SETS, type LayerSet } from "./engine/layers/layer-graphs.ts";
import { measureLayers } from "./engine/layers/measure-layers.ts";
import { NODE_ENGINES } from "./engine/open-contestant.ts";
import { describeComparison, ratiosOf, thisMachine } from "./engine/report.ts";
import { WasmPeak } from "./engine/wasm-peak.ts";

const HELP = `Usage: npm run bench:engine -- [options]

One distillation step of ResNet-18 for 32×32 images: images/s and GFLOP/s of each engine, all of
them in turn, round after round, each in a process of its own. What would not fit the time is left
out and named.

  --width 16,64     widths of the network
  --batch 32,128    images a step
  --engines a,b     of ${NODE_ENGINES.join(", ")}
  --threads 1,2     of the wasm engines
  --seconds 1       of steps in each round, one step at least
  --rounds 3
  --minutes 10      for all of it, roughly
  --all             however long it takes
  --json            one JSON document on standard output, nothing else
  --layers SET      instead: each kernel of ours-wasm in a step, what binds it and the share of that
                    which it reaches; of ${LAYER_SETS.join(", ")}, --batch 16 where it is left out,
                    with --threads and --rounds
`;

const { values: options } = parseArgs({
  options: {
    ...COMMON_OPTIONS,
    threads: { type: "string", default: "1,2" },
    layers: { type: "string" },
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
    wholeNumbers("width", options.width ?? "16,64"),
    wholeNumbers("batch", options.batch ?? "32,128"),
  );
  const engines = chosen("engines", options.engines, NODE_ENGINES);

  const entrants: Entrant[] = engines.flatMap((engine) => {
    // tfjs' own has threads in browsers only (its issue 3830).
    const counts = engine === "ours-wasm" ? threads : [1];
    return counts.map((count) => ({ engine, threads: count, start: ContestantProcess.node }));
  });
  // Without an adapter its engines are left out, each with what it says to that.
  const wantsGpu = engines.some((engine) => !engine.endsWith("-wasm"));
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
      leftOut,
      complaints,
      ...surroundings,
    };
    console.log(JSON.stringify(document));
  } else {
    console.log(describeComparison(comparison, surroundings, peaks, complaints));
  }
  process.exitCode = complaints.length > 0 ? 1 : 0;
}
