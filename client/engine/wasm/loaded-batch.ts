import { describeProgram } from "../program/describe.ts";
import type { Kernel } from "../program/kernels/kernels.ts";
import type { Pass, Program } from "../program/program.ts";
import type { Operand } from "../program/operands.ts";
import type { CodeLibrary } from "./code/code-library.ts";
import { FLOAT_BYTES } from "./code/register-tile.ts";
import { packedWeightsOf } from "./packed-weights.ts";
import { planProgram, type PlannedKernel, type RunState } from "./plan/plan-program.ts";
import type { Model, SessionMemory } from "./session-memory.ts";
import type { LoadedProgram, Team } from "./threads/team.ts";

/** How long a kernel took. */
export interface KernelTiming {
  readonly pass: Pass;
  readonly kind: PlannedKernel["kernel"]["kind"];
  /** For people: shapes. */
  readonly detail: string;
  readonly flops: number;
  /** Read and written, each operand once. */
  readonly bytes: number;
  readonly milliseconds: number;
}

/** Where sessions run. */
export interface Workplace {
  readonly library: CodeLibrary;
  readonly team: Team;
  readonly arenaBytes: number;
  readonly onKernel: ((timing: KernelTiming) => void) | undefined;
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
    const { lasting } = packedWeightsOf(program, model);
    let scratchBytes = 0;
    const site = {
      library: workplace.library,
      address: (operand: Operand) => memory.address(operand, model),
      packedWeights: (kernel: Kernel) => {
        const place = lasting.get(kernel);
        return place === undefined
          ? memory.addressOf("packedWeights")
          : memory.addressOf("packedTeacher") + place;
      },
      needScratch: (bytes: number) => (scratchBytes = Math.max(scratchBytes, bytes)),
      groupSize,
      groups,
    };
    this.#kernels = planProgram(site, program, (kernel) => lasting.has(kernel));
    const stages = this.#kernels.flatMap((kernel) => kernel.stages);
    this.#loaded = workplace.team.load(stages, scratchBytes);
  }

  /**
   * Packs the weights that never change, for this program and all others of the session.
   *
   * @returns whether it has such weights.
   */
  packOnce(): boolean {
    const tasks = this.#kernels.flatMap(({ once }) => once);
    if (tasks.length === 0) return false;
    const { team } = this.#workplace;
    const packing = team.load([tasks], 0);
    team.run(packing, (runStages) => runStages(1));
    team.unload(packing);
    return true;
  }

  /** Runs it once: images and targets are in place. */
  run(state: Omit<RunState, "floats" | "groups">): RunState["totals"] {
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
        const { kind, detail, flops, bytes } = costs[index]!;
        const milliseconds = performance.now() - started;
        onKernel({ pass, kind, detail, flops, bytes, milliseconds });
      });
    });
    return running.totals;
  }

  unload(): void {
    this.#workplace.team.unload(this.#loaded);
  }
}

/** Makes room for a program; returns whether programs loaded before must be loaded again. */
export function reserveFor(program: Program, memory: SessionMemory, model: Model): boolean {
  const { passingBytes, lastingBytes } = packedWeightsOf(program, model);
  const moved = [
    memory.reserve("arena", program.arenaLength),
    memory.reserve("packedWeights", passingBytes / FLOAT_BYTES),
    lastingBytes > 0 && memory.reserve("packedTeacher", lastingBytes / FLOAT_BYTES),
  ];
  return moved.includes(true);
}
