import { sizeOf, type LoopsKernel } from "../../program/kernels/loops.ts";
import { writeLoops, type LoopsShape } from "../code/loops-code.ts";
import type { Call, ParallelStage, Site } from "./stage.ts";

/** Terms that a task should have. */
const TASK_TERMS = 131072;

/** Each task takes some places along one axis, at one place along those before. */
export function planLoops(site: Site, kernel: LoopsKernel): ParallelStage[] {
  const { extents, reduction, value, accumulates, reads, output } = kernel;
  const given = givenAxes(kernel);
  const lengths = reads.map(({ length }) => length);
  const shape: LoopsShape = { extents, reduction, value, accumulates, lengths, given };
  const parameters = 1 + 1 + reads.length + given + 2;
  const code = site.library.code("loops", shape, parameters, writeLoops);
  const addresses = [output, ...reads].map((operand) => site.address(operand));
  const first = extents.slice(0, given);
  // The last axis is always whole.
  const length = given < extents.length - 1 ? extents[given]! : 1;
  const step = Math.max(1, Math.floor(TASK_TERMS / termsBehind(kernel, given)));
  const tasks = Array.from({ length: sizeOf(first) }, (_, index) =>
    Array.from({ length: Math.ceil(length / step) }, (_unused, part): readonly Call[] => {
      const from = part * step;
      const range = [from, Math.min(step, length - from)];
      return [[code, ...addresses, ...placesOf(index, first), ...range]];
    }),
  );
  return [tasks.flat()];
}

/** How many axes tasks are given: as few as leave them short enough, and not the last. */
function givenAxes(kernel: LoopsKernel): number {
  const last = Math.max(0, kernel.extents.length - 2);
  for (let given = 0; given < last; given++) {
    if (termsBehind(kernel, given) <= TASK_TERMS) return given;
  }
  return last;
}

/** Terms at one place along an axis, and those before. */
function termsBehind({ extents, reduction }: LoopsKernel, axis: number): number {
  return sizeOf(extents.slice(axis + 1)) * sizeOf(reduction?.extents ?? []);
}

/** Where the index is along each axis. */
function placesOf(index: number, extents: readonly number[]): number[] {
  let rest = index;
  const places = extents.toReversed().map((extent) => {
    const place = rest % extent;
    rest = Math.floor(rest / extent);
    return place;
  });
  return places.toReversed();
}
