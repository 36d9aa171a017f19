import { compileProgram, type ProgramMode } from "../program/compile.ts";
import type { Graph } from "../../../protocol/model/graph.ts";
import type { Program } from "../program/program.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { PLACES_BYTES, type Device } from "./device.ts";
import { inputLayout, type InputLayout } from "./input-layout.ts";
import { lowerProgram } from "./lower.ts";
import { planMicroBatches, type MemoryBudget, type MicroBatch } from "./micro-batches.ts";
import type { SessionMemory } from "./session-memory.ts";
import { tilingOf, type Tiles } from "./tiles.ts";
import { decayDispatch, descendDispatch, placeImagesDispatch } from "./wgsl/flat.ts";
import type { Dispatch } from "./wgsl/shader.ts";

/** WebGPU's offset alignment of dynamic uniforms at its least. */
const PLACES_PITCH = Math.max(256, PLACES_BYTES);

/** What one call wants run. */
export interface ExecutableRequest {
  readonly mode: ProgramMode;
  /** N, images of the batch. */
  readonly size: number;
  readonly groupSize: number;
  readonly input: InputLayout["kind"];
  /** What comes after the gradient: an SGD step, or + λ·θ. */
  readonly finish: "descend" | "decay" | undefined;
}

export interface ModelContext {
  readonly graph: Graph;
  readonly layout: StateLayout;
  readonly tiles: Tiles;
  /** Finds better tiles for a step's program. */
  readonly tune: ((program: Program) => Promise<Tiles>) | undefined;
}

/** A dispatch ready to be encoded. */
interface ReadyDispatch {
  readonly pipeline: GPUComputePipeline;
  /** Bytes into the places. */
  readonly places: number;
  readonly workgroups: Dispatch["workgroups"];
  readonly cost: number;
}

/** Everything that a batch of one shape needs, made once. */
export interface Executable {
  readonly input: InputLayout;
  readonly microBatches: readonly MicroBatch[];
  /** A micro-batch each, then what finishes the batch. */
  readonly phases: readonly (readonly ReadyDispatch[])[];
  readonly places: GPUBuffer;
  readonly arenaBytes: number;
}

/** Compiles a request without a device: what is to be dispatched, phase by phase. */
export function planExecutable(
  { graph, layout, tiles }: Omit<ModelContext, "tune">,
  { mode, size, groupSize, input: kind, finish }: ExecutableRequest,
  budget: MemoryBudget,
): { input: InputLayout; microBatches: MicroBatch[]; phases: Dispatch[][]; arenaBytes: number } {
  const tiling = tilingOf(tiles);
  const microBatches = planMicroBatches(
    (batch) => compileProgram({ graph, layout, mode, batch, tiling }),
    mode,
    { groupSize, groups: size / groupSize },
    budget,
  );
  const targetLength = mode === "supervise" ? size * graph.classes : 0;
  const input = inputLayout(kind, size, graph.inputShape, targetLength);
  const phases = microBatches.map(({ firstImage, program }) => [
    placeImagesDispatch(program.images, firstImage, graph.inputShape, input),
    ...lowerProgram(program, tiles, {
      targets: input.targets + firstImage * graph.classes,
      first: firstImage === 0,
    }),
  ]);
  if (finish === "descend") phases.push([descendDispatch(layout.trainableLength)]);
  if (finish === "decay") phases.push([decayDispatch(layout.trainableLength)]);
  const floats = Math.max(...microBatches.map(({ program }) => program.arenaLength));
  return { input, microBatches, phases, arenaBytes: 4 * floats };
}

/** Compiles a request's pipelines and makes room for it on the device. */
export async function buildExecutable(
  device: Device,
  memory: SessionMemory,
  context: ModelContext,
  request: ExecutableRequest,
  budget: MemoryBudget,
): Promise<Executable> {
  let { tiles } = context;
  let plan = planExecutable(context, request, budget);
  if (context.tune && request.finish) {
    tiles = await context.tune(plan.microBatches[0]!.program);
    plan = planExecutable({ ...context, tiles }, request, budget);
  }
  while (!(await memory.fit(plan.arenaBytes, 4 * plan.input.length))) {
    plan = planExecutable({ ...context, tiles }, request, {
      ...budget,
      bytes: plan.arenaBytes - 1,
    });
  }
  const { input, microBatches, phases, arenaBytes } = plan;
  const { values, offsets } = collectPlaces(phases.flat());
  const ready = phases.map((phase) =>
    Promise.all(
      phase.map(async (dispatch) => ({
        pipeline: await device.pipeline(dispatch.label, dispatch.code),
        places: offsets.get(dispatch)!,
        workgroups: dispatch.workgroups,
        cost: dispatch.cost,
      })),
    ),
  );
  return {
    input,
    microBatches,
    phases: await Promise.all(ready),
    places: memory.places(values),
    arenaBytes,
  };
}

/** The numbers of all dispatches one after the other, equal ones once. */
function collectPlaces(dispatches: readonly Dispatch[]): {
  values: Uint32Array<ArrayBuffer>;
  offsets: Map<Dispatch, number>;
} {
  const known = new Map<string, number>();
  const offsets = new Map<Dispatch, number>();
  for (const dispatch of dispatches) {
    const key = dispatch.places.join();
    if (!known.has(key)) known.set(key, known.size * PLACES_PITCH);
    offsets.set(dispatch, known.get(key)!);
  }
  const values = new Uint32Array((known.size * PLACES_PITCH) / 4);
  for (const dispatch of dispatches) values.set(dispatch.places, offsets.get(dispatch)! / 4);
  return { values, offsets };
}
