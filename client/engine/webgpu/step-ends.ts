import type { Graph } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import type { Optimizer } from "../optimizer.ts";
import type { StepEnd, StepPass } from "../step/passes.ts";
import type { StepRequest } from "../step/request.ts";
import { secondVectorAt, type PlacesOnShelf } from "./places-on-shelf.ts";
import { REGULARISER_ENDS } from "./regularisers.ts";
import type { Cooperation } from "./wgsl/cooperation.ts";
import { ascendDispatch } from "./wgsl/copies.ts";
import { adamDispatch, decayDispatch, descendDispatch } from "./wgsl/flat.ts";
import { projectDispatches } from "./wgsl/low-frequencies.ts";
import type { Dispatch } from "./wgsl/shader.ts";
import { ascendWarpDispatch } from "./wgsl/warp.ts";

interface EndedBatch {
  readonly graph: Graph;
  readonly layout: StateLayout;
  readonly optimizer: Optimizer;
  readonly cooperation: Cooperation;
  readonly request: StepRequest;
  readonly places: PlacesOnShelf;
  /** What gradients by the weights come times. */
  readonly lossScale: number;
}

/** What moves the weights. */
const DESCENT: Readonly<
  Record<Optimizer, (layout: StateLayout, scale: number, kept: number | undefined) => Dispatch>
> = {
  sgd: ({ trainableLength }, scale, kept) => descendDispatch(trainableLength, scale, kept),
  adamw: (layout, scale, kept) =>
    adamDispatch(layout.trainableLength, secondVectorAt(layout), scale, kept),
};

/** What follows a pass through all micro-batches: the whole batch's gradients are there. */
export function endDispatches(end: StepEnd, pass: StepPass, batch: EndedBatch): Dispatch[] {
  const { layout, optimizer, places, lossScale } = batch;
  const { trainableLength } = layout;
  const kept = pass.ends.includes("return") ? places.kept : undefined;
  switch (end) {
    case "ascend":
      return ascendDispatches(pass, batch);
    case "keep":
      // Who moves the weights keeps each as it reads it.
      return [];
    case "return":
      // The optimiser takes θ from where it is kept and puts it back.
      return [];
    case "descend":
      return [DESCENT[optimizer](layout, lossScale, kept)];
    case "decay":
      return [decayDispatch(trainableLength, lossScale, kept)];
    default:
      return REGULARISER_ENDS[end]({
        ...batch,
        kept: places.kept,
        scratchOf: (name) => places.scratchOf(name),
      });
  }
}

function ascendDispatches(
  pass: StepPass,
  { graph, cooperation, request, places }: EndedBatch,
): Dispatch[] {
  const { norm, copies, lowFrequencies } = request.adversary!;
  const place = places.of(pass, 0, 0);
  const { imageLength, perturbations: count } = places;
  const dispatches = lowFrequencies
    ? projectDispatches(graph.inputShape, lowFrequencies, place.low!)
    : [];
  const ascent = { norm, count, imageLength, lowFrequencies };
  dispatches.push(ascendDispatch(ascent, place, cooperation));
  if (copies.warpGrid !== undefined) {
    const shape = { grid: copies.warpGrid, image: graph.inputShape };
    dispatches.push(ascendWarpDispatch(shape, place.warp!, cooperation));
  }
  return dispatches;
}
