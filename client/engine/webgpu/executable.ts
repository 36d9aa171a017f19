import { bytesIn } from "../program/operands.ts";
import type { Program } from "../program/program.ts";
import type { Optimizer } from "../optimizer.ts";
import type { MicroBatch } from "../step/micro-batches.ts";
import type { StepRequest } from "../step/request.ts";
import { PLACES_BYTES, type Device } from "./device/device.ts";
import { lossScaleOf } from "./loss-scale.ts";
import { lowerProgram } from "./lower.ts";
import { PlacesOnShelf } from "./places-on-shelf.ts";
import { planPasses, type CompiledModel, type MemoryBudget } from "./plan-passes.ts";
import type { RoomNeeded, SessionMemory } from "./session-memory.ts";
import { aligned, shelfOf } from "./shelf.ts";
import { endDispatches } from "./step-ends.ts";
import type { Tiles } from "./tiles/tiles.ts";
import { keepAnswersDispatch } from "./wgsl/copies.ts";
import { placeImagesDispatch } from "./wgsl/flat.ts";
import { inputLayout, type InputLayout } from "./wgsl/input-layout.ts";
import type { Dispatch } from "./wgsl/shader.ts";

/** WebGPU's offset alignment of dynamic uniforms at its least. */
const PLACES_PITCH = Math.max(256, PLACES_BYTES);

/** The optimiser of a model's steps. */
export function optimizerOf({ optimizer = "sgd" }: CompiledModel): Optimizer {
  return optimizer;
}

export interface ModelContext extends CompiledModel {
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
  /** Of the last pass, and all there is where there is one. */
  readonly microBatches: readonly MicroBatch[];
  /** A micro-batch each, pass by pass, then what finishes the batch. */
  readonly phases: readonly (readonly ReadyDispatch[])[];
  /** Of a sum of gradients by images, in floats of the arena; undefined where there is none. */
  readonly ascent: number | undefined;
  readonly places: GPUBuffer;
}

interface ExecutablePlan {
  readonly input: InputLayout;
  readonly microBatches: readonly MicroBatch[];
  readonly phases: Dispatch[][];
  readonly ascent: number | undefined;
  /** One of every kind of pass. */
  readonly programs: readonly Program[];
  readonly room: RoomNeeded;
  /** Of activations and workspaces, and of nothing that is kept between passes. */
  readonly arenaBytes: number;
}

/** Compiles a request without a device: what is to be dispatched, phase by phase. */
export function planExecutable(
  context: CompiledModel,
  request: StepRequest,
  budget: MemoryBudget,
): ExecutablePlan {
  const { graph, layout, tiles, precision = "f32" } = context;
  const { mode, size } = request;
  const shelf = shelfOf(request, graph, layout);
  const passes = planPasses(context, request, {
    ...budget,
    bytes: budget.bytes - bytesIn("arena", shelf.length),
  });
  const programs = passes.flatMap(({ microBatches }) => microBatches.map(({ program }) => program));
  const shelfAt = aligned(Math.max(...programs.map(({ arenaLength }) => arenaLength)));
  const givesAnswers = mode === "supervise" || mode === "attack";
  const targetLength = givesAnswers ? size * graph.classes : 0;
  const input = inputLayout(request.input, size, graph.inputShape, targetLength);
  const lossScale = lossScaleOf(precision, size);
  const optimizer = optimizerOf(context);
  const places = new PlacesOnShelf(graph, layout, optimizer, request, shelf, shelfAt);
  const { cooperation } = tiles;
  const batch = { graph, layout, optimizer, cooperation, request, places, lossScale };
  const phases = passes.flatMap(({ pass, microBatches }) => {
    const runs = microBatches.map(({ firstImage, program }) => {
      const place = places.of(pass, firstImage, input.targets);
      const images = placeImagesDispatch(program.images, firstImage, graph.inputShape, input);
      const dispatches = [images, ...lowerProgram(program, tiles, place)];
      if (pass.keepsAnswers) dispatches.push(keepAnswersDispatch(program.logits, place.answers));
      return dispatches;
    });
    const after = pass.ends.flatMap((end) => endDispatches(end, pass, batch));
    return after.length > 0 ? [...runs, after] : runs;
  });
  const arenaLength = shelf.length > 0 ? shelfAt + shelf.length : undefined;
  const most = Math.max(...programs.map((program) => program.arenaLength));
  const halves = bytesIn("halves", Math.max(...programs.map(({ halvesLength }) => halvesLength)));
  return {
    input,
    microBatches: passes.at(-1)!.microBatches,
    phases,
    ascent: mode === "attack" ? shelfAt + shelf.ascent : undefined,
    programs: passes.map(({ microBatches }) => microBatches[0]!.program),
    room: { arena: bytesIn("arena", arenaLength ?? most), halves, input: 4 * input.length },
    arenaBytes: bytesIn("arena", most) + halves,
  };
}

/** Compiles a request's pipelines and makes room for it on the device. */
export async function buildExecutable(
  device: Device,
  memory: SessionMemory,
  context: ModelContext,
  request: StepRequest,
  budget: MemoryBudget,
): Promise<Executable> {
  let { tiles } = context;
  let plan = planExecutable(context, request, budget);
  if (context.tune && request.finish) {
    for (const program of plan.programs) tiles = await context.tune(program);
    plan = planExecutable({ ...context, tiles }, request, budget);
  }
  while (!(await memory.fit(plan.room))) {
    plan = planExecutable({ ...context, tiles }, request, {
      ...budget,
      bytes: plan.arenaBytes - 1,
    });
  }
  const { input, microBatches, phases, ascent } = plan;
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
    ascent,
    phases: await Promise.all(ready),
    places: memory.places(values),
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
