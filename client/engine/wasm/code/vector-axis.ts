import type { LoopsKernel } from "../../program/kernels/loops.ts";
import {
  allParts,
  conditionsOf,
  type Condition,
  type Expression,
} from "../../program/loops/expression.ts";
import { dependsOn, dividesAxis, timesOf, type IndexForm } from "../../program/loops/index-form.ts";

type Loops = Pick<LoopsKernel, "extents" | "reduction" | "value" | "accumulates">;

/** The axis that vectors lie along. */
export function vectorAxis(loops: Loops): number {
  const { extents, reduction, accumulates } = loops;
  const last = extents.length - 1;
  const parts = partsOf(loops);
  const lastReduced = last + (reduction?.extents.length ?? 0);
  const reducible = lastReduced > last && !accumulates && reduction?.by !== "arg-max";
  const isFlat = (axis: number): boolean => parts.every((part) => readsInVectors(part, axis));
  if (!isFlat(last) && reducible && isFlat(lastReduced)) return lastReduced;
  if (!parts.every((part) => isStraight(part, last))) {
    throw new Error("loops must not divide or compare their last axis with others");
  }
  return last;
}

function readsInVectors(part: Expression, axis: number): boolean {
  if (part.kind === "load" && ![0, 1].includes(timesOf(part.at, axis))) return false;
  return isStraight(part, axis);
}

/** Whether an axis has its part in a sum, and conditions that depend on it on nothing else. */
function isStraight(part: Expression, axis: number): boolean {
  switch (part.kind) {
    case "load":
    case "index":
      return !dividesAxis(part.at, axis);
    case "when":
      return conditionsOf(part).every(({ at }) => !dependsOn(at, axis) || isAlone(at, axis));
    default:
      return true;
  }
}

function isAlone({ axes, quotients }: IndexForm, axis: number): boolean {
  return axes.length === 1 && axes[0]!.axis === axis && quotients.length === 0;
}

/** A run of an axis along which no condition changes. */
export interface Segment {
  readonly from: number;
  readonly end: number;
}

/** The vector axis, cut where a condition changes. */
export function segmentsOf(loops: Loops, axis: number): Segment[] {
  const { extents, reduction } = loops;
  const length = [...extents, ...(reduction?.extents ?? [])][axis]!;
  const conditions = partsOf(loops)
    .flatMap(conditionsOf)
    .filter(({ at }) => dependsOn(at, axis));
  const stateAt = (place: number): string =>
    conditions.map((condition) => Number(holdsAt(condition, axis, place))).join("");
  const segments: Segment[] = [];
  let from = 0;
  for (let place = 1; place <= length; place++) {
    if (place < length && stateAt(place) === stateAt(from)) continue;
    segments.push({ from, end: place });
    from = place;
  }
  return segments;
}

/** Whether a condition that depends on one axis alone holds at a place along it. */
export function holdsAt({ at, from, before }: Condition, axis: number, place: number): boolean {
  const index = at.constant + place * timesOf(at, axis);
  return index >= from && index < before;
}

function partsOf({ value, reduction }: Loops): Expression[] {
  return [...allParts(value), ...(reduction ? allParts(reduction.of) : [])];
}
