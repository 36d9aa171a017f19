import type { Graph } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { headEntries } from "../program/head-entries.ts";
import { teacherLayout } from "../program/teacher-layout.ts";
import { trains, type BatchPass } from "./batch-passes.ts";
import type { ExecutableRequest } from "./executable-request.ts";
import type { PlacesOnShelf } from "./places-on-shelf.ts";
import type { Tiles } from "./tiles/tiles.ts";
import { ascendDispatch } from "./wgsl/copies.ts";
import { decayDispatch, descendDispatch } from "./wgsl/flat.ts";
import { boundHeadDispatch, shiftHeadDispatch, type HeadPlace } from "./wgsl/head-shift.ts";
import { projectDispatches } from "./wgsl/low-frequencies.ts";
import type { Dispatch } from "./wgsl/shader.ts";
import { climbDispatches } from "./wgsl/sharpness.ts";
import { ascendWarpDispatch } from "./wgsl/warp.ts";

interface BatchContext {
  readonly graph: Graph;
  readonly layout: StateLayout;
  readonly tiles: Pick<Tiles, "cooperation">;
  readonly request: ExecutableRequest;
  readonly places: PlacesOnShelf;
}

/** What follows a pass through all micro-batches: the whole batch's gradients are there. */
export function dispatchesAfter(
  pass: BatchPass,
  { graph, layout, tiles, request, places }: BatchContext,
): Dispatch[] {
  const { cooperation } = tiles;
  const dispatches: Dispatch[] = [];
  if (request.shiftsHead && trains(pass)) {
    dispatches.push(...headPlaces(graph, layout).map(shiftHeadDispatch));
  }
  if (pass.sharpens) {
    dispatches.push(...climbDispatches(layout.trainableLength, places.sharpness, cooperation));
  }
  if (!pass.ascends) return dispatches;
  const { norm, copies, lowFrequencies } = request.adversary!;
  const place = places.of(pass, 0, 0);
  const { imageLength, perturbations: count } = places;
  if (lowFrequencies) {
    dispatches.push(...projectDispatches(graph.inputShape, lowFrequencies, place.low!));
  }
  const ascent = { norm, count, imageLength, lowFrequencies };
  dispatches.push(ascendDispatch(ascent, place, cooperation));
  if (copies.warpGrid !== undefined) {
    const shape = { grid: copies.warpGrid, image: graph.inputShape };
    dispatches.push(ascendWarpDispatch(shape, place.warp!, cooperation));
  }
  return dispatches;
}

/** What a batch ends with: an SGD step, or the gradient with weight decay. */
export function dispatchesAtEnd(
  { graph, layout, tiles, request, places }: BatchContext,
  lossScale: number,
): Dispatch[] {
  const { trainableLength } = layout;
  const kept = request.sharpens ? places.sharpness.kept : undefined;
  if (request.finish === "decay") return [decayDispatch(trainableLength, lossScale, kept)];
  const heads = request.shiftsHead ? headPlaces(graph, layout) : [];
  return [
    descendDispatch(trainableLength, lossScale, kept),
    ...heads.map((place) => boundHeadDispatch(place, tiles.cooperation)),
  ];
}

/** Linear layers' weights on the device. */
function headPlaces(graph: Graph, layout: StateLayout): HeadPlace[] {
  const { pieces } = teacherLayout(graph);
  const teachers = new Map(
    [...pieces].flatMap(([step, { weight }]) =>
      step.kind === "linear" ? [[step.weight, weight!] as const] : [],
    ),
  );
  return headEntries(layout).map(({ name, offset, size }) => ({
    student: { region: "student", offset, length: size },
    teacher: teachers.get(name)!,
  }));
}
