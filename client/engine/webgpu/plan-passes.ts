import type { Graph } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { EngineError } from "../engine-error.ts";
import type { Optimizer } from "../optimizer.ts";
import { compileProgram } from "../program/compile.ts";
import type { HeadKernel } from "../program/kernels/head.ts";
import type { Precision } from "../program/operands.ts";
import { activationBytes } from "../program/program.ts";
import { mebibytes } from "../step/least-memory.ts";
import { cutBatch, fewestPieces, mostGroupsOf, type MicroBatch } from "../step/micro-batches.ts";
import {
  programOf,
  stepPasses,
  takesImagesAlone,
  type PassProgram,
  type StepPass,
} from "../step/passes.ts";
import { keyOf, type StepRequest } from "../step/request.ts";
import { tilingOf, type Tiles } from "./tiles/tiles.ts";
import { fitsShared } from "./wgsl/fused-head.ts";

/** What passes are compiled for. */
export interface CompiledModel {
  readonly graph: Graph;
  readonly layout: StateLayout;
  readonly tiles: Tiles;
  /** Of activations; f32 when left out. */
  readonly precision?: Precision | undefined;
  /** `sgd` when left out. */
  readonly optimizer?: Optimizer | undefined;
}

export interface MemoryBudget {
  /** Bytes the arena may have, halves included. */
  readonly bytes: number;
  /** Most norm groups at once; after trouble with the device. */
  readonly mostGroups: number;
}

/** A pass and the micro-batches that it takes a batch in. */
interface PlannedPass {
  readonly pass: StepPass;
  readonly microBatches: readonly MicroBatch[];
}

/**
 * The passes of a request, each kind compiled once.
 *
 * @throws EngineError `device-failed` when not even the smallest micro-batch fits.
 */
export function planPasses(
  model: CompiledModel,
  request: StepRequest,
  budget: MemoryBudget,
): PlannedPass[] {
  const planned = new Map<string, readonly MicroBatch[]>();
  return stepPasses(request).map((pass) => {
    const program = programOf(pass);
    const key = keyOf(program);
    const microBatches = planned.get(key) ?? planMicroBatches(model, request, program, budget);
    planned.set(key, microBatches);
    return { pass, microBatches };
  });
}

function planMicroBatches(
  { graph, layout, tiles, precision = "f32" }: CompiledModel,
  { size, groupSize }: StepRequest,
  passes: PassProgram,
  { bytes, mostGroups }: MemoryBudget,
): MicroBatch[] {
  const tiling = tilingOf(tiles);
  const fusesHead = (head: HeadKernel): boolean => fitsShared(head, tiles.cooperation);
  const options = { graph, layout, ...passes, tiling, precision, fusesHead };
  const alone = takesImagesAlone(passes);
  const microBatches = cutBatch(
    (batch) => compileProgram({ ...options, batch }),
    alone,
    { groupSize, groups: size / groupSize },
    { bytes, sizes: fewestPieces(alone ? Infinity : Math.min(mostGroups, mostGroupsOf(graph))) },
  );
  const needed = activationBytes(microBatches[0]!.program);
  if (needed <= bytes) return microBatches;
  throw new EngineError(
    "device-failed",
    `${alone ? 1 : groupSize} images need ${mebibytes(needed)} at once and the GPU offers ${mebibytes(bytes)}; ` +
      "use a smaller batch norm group or another backend",
  );
}
