import { nodeEnvironment } from "../../../client/engine/opening/node-environment.ts";
import type { KernelTiming } from "../../../client/engine/wasm/loaded-batch.ts";
import { openWasmEngine } from "../../../client/engine/wasm/wasm-engine.ts";
import type { Contestant, ContestantOptions, ConvolutionRates } from "./contestant.ts";
import type { DistillationCase } from "./distillation-case.ts";
import { sessionContestant } from "./session-contestant.ts";

/** The project's WebAssembly engine. */
export async function openOursWasm({ problem, threads }: ContestantOptions): Promise<Contestant> {
  const starter = nodeEnvironment().threads;
  const engine = await openWasmEngine({ starter, threads });
  return {
    ...sessionContestant(engine, problem),
    convolutions: () => measureConvolutions(problem, threads),
  };
}

const MEASURED_STEPS = 3;
/** After which no further step is measured. */
const MEASURED_MS = 2000;

/** In an engine of its own: asking for the time of every kernel takes some itself. */
async function measureConvolutions(
  problem: DistillationCase,
  threads: number,
): Promise<ConvolutionRates> {
  const timings: KernelTiming[] = [];
  const starter = nodeEnvironment().threads;
  const onKernel = (timing: KernelTiming): void => void timings.push(timing);
  const engine = await openWasmEngine({ starter, threads, onKernel });
  const contestant = sessionContestant(engine, problem);
  await contestant.step(0);
  timings.length = 0;
  const begin = performance.now();
  for (let i = 1; i <= MEASURED_STEPS; i++) {
    await contestant.step(i);
    if (performance.now() - begin > MEASURED_MS) break;
  }
  await engine.close();

  const convolutions = ["convolve", "input-gradient", "filter-gradient"] as const;
  const sum = (kinds: readonly string[], of: "flops" | "milliseconds"): number =>
    timings.reduce((total, timing) => total + (kinds.includes(timing.kind) ? timing[of] : 0), 0);
  const rate = (...kinds: string[]): number =>
    sum(kinds, "flops") / sum(kinds, "milliseconds") / 1e6;
  const time = timings.reduce((total, { milliseconds }) => total + milliseconds, 0);
  return {
    forward: rate("convolve"),
    inputGradient: rate("input-gradient"),
    filterGradient: rate("filter-gradient"),
    all: rate(...convolutions),
    shareOfTime: sum(convolutions, "milliseconds") / time,
  };
}
