import type { Engine } from "../engine.ts";
import { EngineError } from "../engine-error.ts";
import type { ThreadStarter } from "../environment.ts";
import { CodeLibrary } from "./code/code-library.ts";
import { Heap } from "./threads/heap.ts";
import { hasFusedMultiplyAdd, hasSimd } from "./code/features.ts";
import type { KernelTiming } from "./loaded-batch.ts";
import { requireWasmRoom } from "./require-room.ts";
import { WasmSession } from "./session.ts";
import { Team } from "./threads/team.ts";

export interface WasmEngineOptions {
  /** How threads are started; one thread without. */
  readonly starter?: ThreadStarter | undefined;
  /** Number of threads, the calling one included; all cores, 8 at most, when left out. */
  readonly threads?: number | undefined;
  /** Whether to use the fused multiply-add; wherever there is one when left out. */
  readonly fused?: boolean | undefined;
  /**
   * Memory for activations that a batch of several norm groups keeps within, by working through
   * its groups in turns; 1 GiB when left out. Changes no bit of a result.
   */
  readonly arenaBytes?: number | undefined;
  /** Told how long each kernel took. */
  readonly onKernel?: ((timing: KernelTiming) => void) | undefined;
}

const ARENA_BYTES = 2 ** 30;

/** Threads beyond these gain little: the stages of a step are short. */
const MOST_THREADS = 8;

/**
 * WebAssembly SIMD with code generated for each shape, on several threads where there is shared
 * memory.
 *
 * @throws EngineError `backend-unavailable` where WebAssembly has no SIMD.
 *
 * @example
 * const engine = await openWasmEngine({ starter: nodeEnvironment().threads, threads: 2 });
 */
export async function openWasmEngine(options: WasmEngineOptions = {}): Promise<Engine> {
  if (!hasSimd()) {
    throw new EngineError(
      "backend-unavailable",
      "WebAssembly has no SIMD here; update the browser",
    );
  }
  const { starter, onKernel, arenaBytes = ARENA_BYTES } = options;
  const fused = options.fused ?? hasFusedMultiplyAdd();
  const wanted = options.threads ?? Math.min(MOST_THREADS, starter?.cores ?? 1);
  const several = wanted > 1 && starter !== undefined && mayWait();
  const { library, heap, team, refusal } = await assemble(fused, starter, several ? wanted : 1);
  const instruction = fused ? " with fused multiply-add" : "";
  let closed = false;
  return {
    backend: "wasm",
    adapter: `WebAssembly SIMD${instruction}, ${counted(team.threads)}${refusal}`,
    requireRoom: async (model, step) => requireWasmRoom(model, step, heap.mostBytes),
    openSession: (session) => {
      if (closed) throw new EngineError("closed", "this engine was closed");
      return new WasmSession(heap, { library, team, arenaBytes, onKernel }, session);
    },
    close: async () => {
      closed = true;
      team.stop();
    },
  };
}

interface Assembled {
  readonly library: CodeLibrary;
  readonly heap: Heap;
  readonly team: Team;
  /** For people: why there are no threads though they were wanted. */
  readonly refusal: string;
}

async function assemble(
  fused: boolean,
  starter: ThreadStarter | undefined,
  threads: number,
): Promise<Assembled> {
  const shared = threads > 1;
  try {
    const library = new CodeLibrary(fused, shared);
    const heap = new Heap(shared);
    const team = await Team.start(heap, library, starter, threads);
    return { library, heap, team, refusal: "" };
  } catch (error) {
    if (!shared) throw error;
    // A page's policy or a lack of address space may forbid threads; one does the same work.
    const alone = await assemble(fused, undefined, 1);
    const reason = error instanceof Error ? error.message : String(error);
    return { ...alone, refusal: ` (more could not be started: ${reason})` };
  }
}

function counted(threads: number): string {
  return threads === 1 ? "1 thread" : `${threads} threads`;
}

/** Whether this thread may wait for others; a page's main thread may not. */
function mayWait(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}
