import type { Graph } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { headEntries } from "../program/head-entries.ts";
import { teacherLayout } from "../program/teacher-layout.ts";
import type { RegulariserEnd, RegulariserName } from "../regularisers.ts";
import type { Cooperation } from "./wgsl/cooperation.ts";
import { boundHeadDispatch, shiftHeadDispatch, type HeadPlace } from "./wgsl/head-shift.ts";
import type { Dispatch } from "./wgsl/shader.ts";
import { climbDispatches, SHARPNESS_PARTS } from "./wgsl/sharpness.ts";

/** Floats of the arena that each regulariser has for itself. */
export const SCRATCH = {
  sharpness: SHARPNESS_PARTS + 1,
  headShift: 0,
} satisfies Record<RegulariserName, number>;

/** What a regulariser's dispatches need to know. */
export interface RegularisedBatch {
  readonly graph: Graph;
  readonly layout: StateLayout;
  readonly cooperation: Cooperation;
  /** What gradients by the weights come times. */
  readonly lossScale: number;
  /** Where who leaves θ keeps it, in floats of the arena. */
  readonly kept: number;
  /** Where a regulariser's scratch begins, in floats of the arena. */
  readonly scratchOf: (name: RegulariserName) => number;
}

/** What each regulariser does in a step. */
export const REGULARISER_ENDS = {
  climb: ({ layout, kept, scratchOf, cooperation }) => {
    const place = { kept, sums: scratchOf("sharpness") };
    return climbDispatches(layout.trainableLength, place, cooperation);
  },
  "shift-heads": ({ graph, layout, lossScale }) =>
    headPlaces(graph, layout).map((place) => shiftHeadDispatch(place, lossScale)),
  "bound-heads": ({ graph, layout, cooperation }) =>
    headPlaces(graph, layout).map((place) => boundHeadDispatch(place, cooperation)),
} satisfies Record<RegulariserEnd, (batch: RegularisedBatch) => Dispatch[]>;

/** The head's weights on the device. */
function headPlaces(graph: Graph, layout: StateLayout): HeadPlace[] {
  const { pieces } = teacherLayout(graph);
  const teachers = new Map(
    [...pieces].flatMap(([step, { weight }]) =>
      step.kind === "linear" ? [[step.weight, weight!] as const] : [],
    ),
  );
  return headEntries(graph, layout).map(({ name, offset, size }) => ({
    student: { region: "student", offset, length: size },
    teacher: teachers.get(name)!,
  }));
}
