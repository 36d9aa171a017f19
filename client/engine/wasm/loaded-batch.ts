import { compileProgram, type ProgramMode } from "../program/compile.ts";
import { describeProgram } from "../program/describe.ts";
import type { Operand, Pass, Program } from "../program/program.ts";
import type { BatchShape } from "../program/program-writer.ts";
import type { Graph } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import type { CodeLibrary } from "./code-library.ts";
import { FLOAT_BYTES } from "./register-tile.ts";
import {
  packedWeightBytes,
  planProgram,
  type PlannedKernel,
  type RunState,
} from "./plan-program.ts";
import type { Model, SessionMemory } from "./session-memory.ts";
import type { LoadedProgram, Team } from "./team.ts";
import { wasmTiling } from "./wasm-tiling.ts";

/** How long a kernel took. */
export interface KernelTiming {
  readonly pass: Pass;
  readonly kind: PlannedKernel["kernel"]["kind"];
  /** For people: shapes. */
  readonly detail: string;
  readonly flops: number;
  readonly milliseconds: number;
}

/** Where sessions run. */
export interface Workplace {
  readonly library: CodeLibrary;
  readonly team: Team;
  readonly arenaBytes: number;
  readonly onKernel: ((timing: KernelTiming) => void) | undefined;
}

/**
 * Compiles the program for as many of a batch's norm groups at a time as memory allows, equally
 * many each time.
 */
export function compileBatch(
  graph: Graph,
  layout: StateLayout,
  mode: ProgramMode,
  { groupSize, groups: all }: BatchShape,
  arenaBytes: number,
): Program {
  for (let pieces = 1; ; pieces++) {
    if (all % pieces !== 0) continue;
    const batch = { groupSize, groups: all / pieces };
    const program = compileProgram({ graph, layout, mode, batch, tiling: wasmTiling });
    const fits = program.arenaLength * FLOAT_BYTES <= arenaBytes;
    if (fits || pieces === all) return program;
  }
}

/** Images that an evaluation takes at most; more make nothing faster. */
const EVALUATED_IMAGES = 128;

/**
 * Images to evaluate at a time within a memory budget; each is computed by itself, so that any
 * number gives the same bits.
 */
export function imagesAtOnce(graph: Graph, layout: StateLayout, arenaBytes: number): number {
  for (let images = EVALUATED_IMAGES; images > 1; images /= 2) {
    const batch = { groupSize: images, groups: 1 };
    const { arenaLength } = compileProgram({
      graph,
      layout,
      mode: "evaluate",
      batch,
      tiling: wasmTiling,
    });
    if (arenaLength * FLOAT_BYTES <= arenaBytes) return images;
  }
  return 1;
}

/** A program in a session's memory, ready to be run. */
export class LoadedBatch {
  readonly program: Program;
  readonly #memory: SessionMemory;
  readonly #model: Model;
  readonly #workplace: Workplace;
  readonly #kernels: readonly PlannedKernel[];
  readonly #loaded: LoadedProgram;

  /** The memory must have room for the program already, see `reserveFor`. */
  constructor(program: Program, memory: SessionMemory, model: Model, workplace: Workplace) {
    this.program = program;
    this.#memory = memory;
    this.#model = model;
    this.#workplace = workplace;
    const { groupSize, groups } = program;
    let scratchBytes = 0;
    const site = {
      library: workplace.library,
      address: (operand: Operand) => memory.address(operand, model),
      packedWeights: memory.addressOf("packedWeights"),
      needScratch: (bytes: number) => (scratchBytes = Math.max(scratchBytes, bytes)),
      groupSize,
      groups,
    };
    this.#kernels = planProgram(site, program);
    const stages = this.#kernels.flatMap((kernel) => kernel.stages);
    this.#loaded = workplace.team.load(stages, scratchBytes);
  }

  /** Runs it once: images and targets are in place. */
  run(state: Omit<RunState, "floats" | "groups">): RunState["total"] {
    const { team, onKernel } = this.#workplace;
    const running: RunState = {
      ...state,
      floats: (operand) => this.#memory.floats(operand, this.#model),
      groups: this.program.groups,
    };
    const costs = onKernel ? describeProgram(this.program).kernels : [];
    team.run(this.#loaded, (runStages) => {
      this.#kernels.forEach(({ pass, stages, host }, index) => {
        const started = onKernel ? performance.now() : 0;
        runStages(stages.length);
        host?.(running);
        if (!onKernel) return;
        const { kind, detail, flops } = costs[index]!;
        const milliseconds = performance.now() - started;
        onKernel({ pass, kind, detail, flops, milliseconds });
      });
    });
    return running.total;
  }

  unload(): void {
    this.#workplace.team.unload(this.#loaded);
  }
}

/** Makes room for a program; returns whether programs loaded before must be loaded again. */
export function reserveFor(program: Program, memory: SessionMemory): boolean {
  const arena = memory.reserve("arena", program.arenaLength);
  const weights = memory.reserve("packedWeights", packedWeightBytes(program) / FLOAT_BYTES);
  return arena || weights;
}
