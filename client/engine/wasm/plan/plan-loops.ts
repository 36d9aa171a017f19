import { sizeOf, type LoopsKernel } from "../../program/kernels/loops.ts";
import { writeLoops, type LoopsShape } from "../code/loops-code.ts";
import type { Call, ParallelStage, Site } from "./stage.ts";

/** Terms that a call has at most, where it can be cut, and a task at least. */
const CALL_TERMS = 65536;
const TASK_TERMS = 16384;

/** Each call takes one place along the first axes. */
export function planLoops(site: Site, kernel: LoopsKernel): ParallelStage[] {
  const { extents, reduction, value, accumulates, reads, output } = kernel;
  const given = givenAxes(kernel);
  const shape: LoopsShape = { extents, reduction, value, accumulates, reads: reads.length, given };
  const first = extents.slice(0, given);
  const code = site.library.code("loops", shape, 2 + reads.length + given, writeLoops);
  const addresses = [output, ...reads].map((operand) => site.address(operand));
  const calls = Array.from({ length: sizeOf(first) }, (_, index): Call => [
    code,
    ...addresses,
    ...placesOf(index, first),
  ]);
  const perTask = Math.ceil(TASK_TERMS / (termsOf(kernel) / calls.length));
  const tasks = Math.ceil(calls.length / perTask);
  return [
    Array.from({ length: tasks }, (_, task) => calls.slice(task * perTask, (task + 1) * perTask)),
  ];
}

/** How many axes calls are given: as few as make them short enough, and not the last. */
function givenAxes(kernel: LoopsKernel): number {
  const { extents } = kernel;
  const terms = termsOf(kernel);
  for (let given = 0; given < extents.length - 1; given++) {
    if (terms / sizeOf(extents.slice(0, given)) <= CALL_TERMS) return given;
  }
  return extents.length - 1;
}

function termsOf({ extents, reduction }: LoopsKernel): number {
  return sizeOf(extents) * sizeOf(reduction?.extents ?? []);
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
