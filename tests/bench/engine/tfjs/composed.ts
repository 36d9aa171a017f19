import type { Contestant, ContestantOptions } from "../contestant.ts";
import { sessionContestant } from "../session-contestant.ts";
import { HostKernels } from "./host-kernels.ts";
import { wasmMemory } from "./host-memory.ts";
import { TfjsSession } from "./session.ts";
import { startTfjsWasm } from "./start-wasm.ts";

/**
 * tfjs on WebAssembly with the gradients that it lacks, or has in a slow form only, composed of its
 * fast ones: both gradients of a convolution as forward convolutions; norms and the rest in loops
 * over its memory, which are faster than its own operations one after another.
 */
export async function openTfjsComposed({
  problem,
  threads,
}: ContestantOptions): Promise<Contestant> {
  if (threads > 1) throw new Error("tfjs-wasm has no threads in Node (its issue 3830)");
  const kernels = await composedKernels();
  return sessionContestant(
    {
      adapter: "tfjs-wasm, 1 thread",
      openSession: (options) => new TfjsSession(kernels, options),
    },
    problem,
  );
}

/** The fast kernels, once tfjs' WebAssembly has started. */
export async function composedKernels(): Promise<HostKernels> {
  return new HostKernels(wasmMemory(await startTfjsWasm()));
}
