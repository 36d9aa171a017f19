// The process of one contestant of `npm run bench:engine`: tfjs' flags and WebGPU's devices are a
// process's own.
import { distillationCase } from "./engine/distillation-case.ts";
import type { Contestant } from "./engine/contestant.ts";
import { countGpuCalls, countsPerStep, type GpuCounters } from "./engine/gpu-counters.ts";
import type { Answer, Request, Run } from "./engine/messages.ts";
import { openContestant } from "./engine/open-contestant.ts";

let contestant: Contestant | undefined;
let counters: (() => GpuCounters) | undefined;
let stepsTaken = 0;

process.on("message", (request: Request) => {
  void reply(request);
});
// The parent is gone, or wants no more. Dawn's objects would keep the process.
process.on("disconnect", () => process.exit(0));

/** The parent waits for each answer, so that requests never overlap. */
async function reply(request: Request): Promise<void> {
  try {
    process.send!(await answer(request));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.send!({ kind: "failed", message } satisfies Answer);
  }
}

async function answer(request: Request): Promise<Answer> {
  switch (request.kind) {
    case "open": {
      const { engine, threads } = request;
      contestant = await openContestant[engine]({ problem: distillationCase(request), threads });
      if ("GPUQueue" in globalThis) counters = countGpuCalls();
      return { kind: "opened", adapter: contestant.adapter };
    }
    case "run":
      return { kind: "ran", ...(await run(contestant!, request.steps)) };
    case "convolutions":
      return { kind: "convolutions", rates: await contestant!.convolutions?.() };
  }
}

async function run({ step, losses }: Contestant, steps: number): Promise<Run> {
  const before = counters?.();
  const begin = performance.now();
  for (let i = 0; i < steps; i++) await step(stepsTaken++);
  const stepped = counters?.();
  const found = await losses();
  const seconds = (performance.now() - begin) / 1000;
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  if (!before || !stepped) return { seconds, losses: found, peakBytes };
  const read = counters!();
  // A library that computes nothing before it is asked for a value has dispatched nothing yet.
  const after = stepped.dispatches > before.dispatches ? stepped : read;
  return {
    seconds,
    losses: found,
    peakBytes,
    perStep: countsPerStep(before, after, steps),
    maps: read.maps - before.maps,
  };
}
