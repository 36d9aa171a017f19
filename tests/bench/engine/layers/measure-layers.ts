import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import type { KernelTiming } from "../../../../client/engine/wasm/loaded-batch.ts";
import { openWasmEngine } from "../../../../client/engine/wasm/wasm-engine.ts";
import { problemOf } from "../distillation-case.ts";
import { sessionContestant } from "../session-contestant.ts";
import { WasmPeak } from "../wasm-peak.ts";
import { CopyPeak } from "./copy-peak.ts";
import { layerCases, type LayerCase, type LayerSet } from "./layer-graphs.ts";

/** What is the most that any kernel can do, with so many threads. */
interface Peaks {
  readonly threads: number;
  readonly gflops: number;
  /** Read and written. */
  readonly gigabytesPerSecond: number;
}

/** All kernels of one shape, or of one kind, in a case's step. */
interface LayerRow {
  readonly layer: string;
  readonly threads: number;
  readonly pass: KernelTiming["pass"];
  /** With the kernel's side where it is a convolution's. */
  readonly kind: string;
  readonly count: number;
  /** Of all of them; each in the round in which it was fastest. */
  readonly milliseconds: number;
  readonly flops: number;
  /** Each operand once. */
  readonly bytes: number;
  /** What they, or most of them by time, would wait for longer, were all else free. */
  readonly boundBy: "memory" | "multiply-adds";
  /** Time that what binds needs at the least, of the time taken. */
  readonly share: number;
}

export interface LayersMeasured {
  readonly rows: readonly LayerRow[];
  readonly peaks: readonly Peaks[];
}

interface LayersOptions {
  readonly set: LayerSet;
  readonly batch: number;
  readonly threads: readonly number[];
  readonly rounds: number;
  readonly note: (line: string) => void;
}

/**
 * Every kernel of distillation steps on WebAssembly, beside what memory and processor can do at most,
 * which is measured between the rounds: of both the best moment counts.
 */
export async function measureLayers(options: LayersOptions): Promise<LayersMeasured> {
  const { set, batch, threads, rounds, note } = options;
  const rows: LayerRow[] = [];
  const peaks: Peaks[] = [];
  for (const count of threads) {
    const multiplyAdds = new WasmPeak(count);
    const copies = new CopyPeak(count);
    const measurePeaks = async (): Promise<void> => {
      await multiplyAdds.measure();
      await copies.measure();
    };
    await measurePeaks();
    const timed: { layer: LayerCase; timings: readonly KernelTiming[] }[] = [];
    for (const layer of layerCases(set)) {
      note(`${layer.title}, ${threadsText(count)}`);
      timed.push({ layer, timings: await timeKernels(layer, batch, count, rounds) });
      await measurePeaks();
    }
    const { gflops } = multiplyAdds;
    const { gigabytesPerSecond } = copies;
    const most = { threads: count, gflops, gigabytesPerSecond };
    peaks.push(most);
    rows.push(...timed.flatMap(({ layer, timings }) => rowsOf(layer, timings, most)));
  }
  return { rows, peaks };
}

export function threadsText(count: number): string {
  return count === 1 ? "1 thread" : `${count} threads`;
}

/** The kernels of a step, each with the least time of the rounds. */
async function timeKernels(
  { graph }: LayerCase,
  batch: number,
  threads: number,
  rounds: number,
): Promise<readonly KernelTiming[]> {
  let timings: KernelTiming[] = [];
  const starter = nodeEnvironment().threads;
  const onKernel = (timing: KernelTiming): void => void timings.push(timing);
  const engine = await openWasmEngine({ starter, threads, onKernel });
  const contestant = sessionContestant(engine, problemOf(graph, batch));
  await contestant.step(0);
  let fastest: readonly KernelTiming[] = [];
  for (let round = 1; round <= rounds; round++) {
    timings = [];
    await contestant.step(round);
    fastest = timings.map((timing, i) => {
      const before = fastest[i];
      return before && before.milliseconds < timing.milliseconds ? before : timing;
    });
  }
  await engine.close();
  return fastest;
}

function rowsOf(
  { title, shown, joined }: LayerCase,
  timings: readonly KernelTiming[],
  { threads, gflops, gigabytesPerSecond }: Peaks,
): LayerRow[] {
  const kernels = timings
    .filter(({ kind }) => shown(kind))
    .map(({ flops, bytes, ...timing }) =>
      Object.assign(timing, {
        flops,
        bytes,
        ofArithmetic: flops / (gflops * 1e6),
        ofMemory: bytes / (gigabytesPerSecond * 1e6),
      }),
    );
  const alike = Map.groupBy(kernels, (timing) =>
    joined ? `${timing.pass} ${kindOf(timing)}` : `${timing.pass} ${timing.kind} ${timing.detail}`,
  );
  return [...alike.values()].map((group): LayerRow => {
    const sum = (of: (timing: (typeof kernels)[number]) => number): number =>
      group.reduce((total, timing) => total + of(timing), 0);
    const milliseconds = sum((timing) => timing.milliseconds);
    const atLeast = sum(({ ofArithmetic, ofMemory }) => Math.max(ofArithmetic, ofMemory));
    const waiting = sum(({ ofArithmetic, ofMemory }) => (ofMemory > ofArithmetic ? ofMemory : 0));
    return {
      layer: title,
      threads,
      pass: group[0]!.pass,
      kind: kindOf(group[0]!),
      count: group.length,
      milliseconds,
      flops: sum(({ flops }) => flops),
      bytes: sum(({ bytes }) => bytes),
      boundBy: waiting > atLeast / 2 ? "memory" : "multiply-adds",
      share: atLeast / milliseconds,
    };
  });
}

/** `convolve 3×3`: what a kernel's cost depends on most. Labels of loops and products say it already. */
function kindOf({ kind, detail }: KernelTiming): string {
  if (kind === "loops" || kind === "product") return `${kind}: ${detail.split(" [")[0]!}`;
  const window = /\d+×\d+(?=\/)/.exec(detail);
  return window ? `${kind} ${window[0]}` : kind;
}
