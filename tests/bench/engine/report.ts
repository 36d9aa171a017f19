import { cpus, totalmem } from "node:os";
import { caseName, nameOf, type Comparison, type EngineName, type Row } from "./compare.ts";
import type { NetworkName } from "./networks.ts";
import type { PlannedDispatches } from "./planned-dispatches.ts";
import { significant, table } from "./tables.ts";
import type { WasmPeak } from "./wasm-peak.ts";

/** Where it was measured. */
export interface Surroundings {
  readonly machine: string;
  /** Undefined: no engine on a GPU was asked for, or there is no adapter. */
  readonly adapter: string | undefined;
  readonly driver: string | undefined;
}

export function thisMachine(): string {
  const processors = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const model = processors[0]?.model.trim() ?? "unknown processor";
  return `${model}, ${processors.length} cores, ${memory}; Node ${process.version}, ${process.platform} ${process.arch}`;
}

/** Whom each of ours is to be held against. */
const PEERS: Partial<Record<EngineName, readonly EngineName[]>> = {
  "ours-webgpu": ["tfjs-webgpu", "tfjs-webgpu-fast", "jax-js", "pytorch"],
  "ours-webgpu-f16": ["ours-webgpu", "tfjs-webgpu", "tfjs-webgpu-fast", "jax-js", "pytorch"],
  "ours-wasm": ["tfjs-wasm", "tfjs-wasm-own", "pytorch"],
};

export interface Ratio {
  readonly network: NetworkName;
  readonly batch: number;
  readonly engine: EngineName;
  readonly threads: number;
  readonly peer: EngineName;
  readonly peerThreads: number;
  /** Images/s of the engine by those of the peer. */
  readonly ratio: number;
}

export function ratiosOf(rows: readonly Row[]): Ratio[] {
  return rows.flatMap(({ engine, threads, network, batch, imagesPerSecond }) =>
    (PEERS[engine] ?? []).flatMap((peer) => {
      const rivals = rows.filter(
        (row) => row.engine === peer && row.network === network && row.batch === batch,
      );
      // Who has no threads is held against with one.
      const rival = rivals.find((row) => row.threads === threads) ?? rivals[0];
      if (!rival) return [];
      const ratio = imagesPerSecond / rival.imagesPerSecond;
      const peerThreads = rival.threads;
      return [{ network, batch, engine, threads, peer, peerThreads, ratio }];
    }),
  );
}

/** All of it for people, as Markdown. */
export function describeComparison(
  { rows, leftOut }: Comparison,
  { machine, adapter, driver }: Surroundings,
  peaks: readonly WasmPeak[],
  complaints: readonly string[],
  planned: readonly PlannedDispatches[] = [],
): string {
  const costs = [...new Map(rows.map((row) => [row.network, row]))].map(
    ([network, { imagesPerSecond, gflops }]) =>
      `${significant(gflops / imagesPerSecond)} GFLOP an image for ${network}`,
  );
  const sections = [
    [
      "One distillation step: teacher forward, student forward and backward, the optimiser of the",
      `network's family; ${costs.join(", ")}.`,
      "Median of the rounds, the engines in turn in each; random weights and images.",
    ].join("\n"),
    [
      `- Machine: ${machine}`,
      `- Adapter: ${adapter ?? "none"}`,
      ...(driver === undefined ? [] : [`- Driver: ${driver}`]),
      ...new Set(rows.flatMap((row) => (row.adapter ? [`- ${nameOf(row)}: ${row.adapter}`] : []))),
    ].join("\n"),
    table(
      ["network", "batch", "engine", "images/s", "GFLOP/s", "rounds", "first step, s", "peak MB"],
      rows.map((row) => [
        row.network,
        String(row.batch),
        nameOf(row),
        significant(row.imagesPerSecond),
        significant(row.gflops),
        row.rounds.map(significant).join(" "),
        significant(row.firstStepSeconds),
        (row.peakBytes / 1e6).toFixed(0),
      ]),
    ),
  ];
  const ratios = ratiosOf(rows);
  if (ratios.length > 0) {
    const lines = ratios.map(
      (ratio) =>
        `- ${caseName(ratio)}: ${nameOf(ratio)} ${significant(ratio.ratio)} times ` +
        nameOf({ engine: ratio.peer, threads: ratio.peerThreads }),
    );
    sections.push(lines.join("\n"));
  }
  sections.push(...callTable(rows), ...planTable(planned), ...peakTable(rows, peaks));
  if (leftOut.length > 0) {
    const lines = leftOut.map(
      (entry) => `- ${nameOf(entry)}, ${caseName(entry)}: left out, ${entry.reason}`,
    );
    sections.push(lines.join("\n"));
  }
  if (complaints.length > 0) sections.push(complaints.map((line) => `- WRONG: ${line}`).join("\n"));
  return sections.join("\n\n");
}

function callTable(rows: readonly Row[]): string[] {
  const counted = rows.flatMap((row) => (row.counters ? [{ row, counters: row.counters }] : []));
  if (counted.length === 0) return [];
  const head = ["network", "batch", "engine", "dispatches", "submits", "buffers", "bind groups"];
  const lines = counted.map(({ row, counters }) => [
    row.network,
    String(row.batch),
    nameOf(row),
    significant(counters.dispatches),
    significant(counters.submits),
    significant(counters.buffersCreated),
    significant(counters.bindGroupsCreated),
    `${row.maps} in ${row.stepsARound}`,
  ]);
  return [
    `Calls to WebGPU a step, and buffers mapped in a round:\n\n${table([...head, "maps in steps"], lines)}`,
  ];
}

function planTable(planned: readonly PlannedDispatches[]): string[] {
  if (planned.length === 0) return [];
  const lines = planned.map(({ network, batch, dispatches, arenaBytes }) => [
    network,
    String(batch),
    String(dispatches),
    (arenaBytes / 1e6).toFixed(0),
  ]);
  return [
    "What our engine plans for a step on a graphics card:\n\n" +
      table(["network", "batch", "dispatches", "MB of activations"], lines),
  ];
}

function peakTable(rows: readonly Row[], peaks: readonly WasmPeak[]): string[] {
  const measured = rows.flatMap(({ convolutions, ...row }) => {
    const peak = peaks[row.threads - 1]?.gflops;
    return convolutions && peak ? [{ row, convolutions, peak }] : [];
  });
  if (measured.length === 0) return [];
  const known = peaks.map(
    ({ gflops }, i) =>
      `${gflops.toFixed(1)} GFLOP/s on ${i === 0 ? "1 thread" : `${i + 1} threads`}`,
  );
  const head = [
    "network",
    "batch",
    "engine",
    "forward",
    "input gradient",
    "filter gradient",
    "all",
  ];
  const lines = measured.map(({ row, convolutions, peak }) => {
    const { forward, inputGradient, filterGradient, all, shareOfTime } = convolutions;
    const shares = [forward, inputGradient, filterGradient, all].map(
      (rate) => `${significant(rate)} (${Math.round((100 * rate) / peak)} %)`,
    );
    const time = `${Math.round(100 * shareOfTime)} %`;
    return [row.network, String(row.batch), nameOf(row)].concat(shares, time);
  });
  return [
    `Multiply-adds of WebAssembly's SIMD on registers, measured between the rounds: ${known.join(", ")}.\n` +
      "GFLOP/s of the convolutions, and their share of it:\n\n" +
      table([...head, "of the step's time"], lines),
  ];
}
