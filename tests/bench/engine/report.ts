import { cpus, totalmem } from "node:os";
import { caseName, nameOf, type Comparison, type EngineName, type Row } from "./compare.ts";
import { caseCost } from "./distillation-case.ts";
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
  "ours-wasm": ["tfjs-wasm"],
};

export interface Ratio {
  readonly width: number;
  readonly batch: number;
  readonly engine: EngineName;
  readonly threads: number;
  readonly peer: EngineName;
  /** Images/s of the engine by those of the peer. */
  readonly ratio: number;
}

export function ratiosOf(rows: readonly Row[]): Ratio[] {
  return rows.flatMap(({ engine, threads, width, batch, imagesPerSecond }) =>
    (PEERS[engine] ?? []).flatMap((peer) => {
      const rival = rows.find(
        (row) => row.engine === peer && row.width === width && row.batch === batch,
      );
      if (!rival) return [];
      const ratio = imagesPerSecond / rival.imagesPerSecond;
      return [{ width, batch, engine, threads, peer, ratio }];
    }),
  );
}

/** All of it for people, as Markdown. */
export function describeComparison(
  { rows, leftOut }: Comparison,
  { machine, adapter, driver }: Surroundings,
  peaks: readonly WasmPeak[],
  complaints: readonly string[],
): string {
  const costs = [...new Set(rows.map(({ width }) => width))].map((width) => {
    const { flops } = caseCost({ width, batch: 1 });
    return `${(flops / 1e9).toFixed(2)} GFLOP an image at width ${width}`;
  });
  const sections = [
    [
      "One distillation step of ResNet-18 for 32×32 images: teacher forward, student forward and",
      `backward, SGD with momentum; ${costs.join(", ")}.`,
      "Median of the rounds, the engines in turn in each; random weights and images.",
    ].join("\n"),
    [
      `- Machine: ${machine}`,
      `- Adapter: ${adapter ?? "none"}`,
      ...(driver === undefined ? [] : [`- Driver: ${driver}`]),
      ...new Set(rows.flatMap((row) => (row.adapter ? [`- ${nameOf(row)}: ${row.adapter}`] : []))),
    ].join("\n"),
    table(
      ["width", "batch", "engine", "images/s", "GFLOP/s", "rounds", "first step, s"],
      rows.map((row) => [
        String(row.width),
        String(row.batch),
        nameOf(row),
        significant(row.imagesPerSecond),
        significant(row.gflops),
        row.rounds.map(significant).join(" "),
        significant(row.firstStepSeconds),
      ]),
    ),
  ];
  const ratios = ratiosOf(rows);
  if (ratios.length > 0) {
    const lines = ratios.map(
      (ratio) =>
        `- ${caseName(ratio)}: ${nameOf(ratio)} ${significant(ratio.ratio)} times ${ratio.peer}`,
    );
    sections.push(lines.join("\n"));
  }
  sections.push(...callTable(rows), ...peakTable(rows, peaks));
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
  const head = ["width", "batch", "engine", "dispatches", "submits", "buffers", "bind groups"];
  const lines = counted.map(({ row, counters }) => [
    String(row.width),
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
  const head = ["width", "batch", "engine", "forward", "input gradient", "filter gradient", "all"];
  const lines = measured.map(({ row, convolutions, peak }) => {
    const { forward, inputGradient, filterGradient, all, shareOfTime } = convolutions;
    const shares = [forward, inputGradient, filterGradient, all].map(
      (rate) => `${significant(rate)} (${Math.round((100 * rate) / peak)} %)`,
    );
    const time = `${Math.round(100 * shareOfTime)} %`;
    return [String(row.width), String(row.batch), nameOf(row)].concat(shares, time);
  });
  return [
    `Multiply-adds of WebAssembly's SIMD on registers, measured between the rounds: ${known.join(", ")}.\n` +
      "GFLOP/s of the convolutions, and their share of it:\n\n" +
      table([...head, "of the step's time"], lines),
  ];
}
