import type { Pair, Sides } from "../../../../protocol/model/values.ts";
import { type Condition } from "./expression.ts";
import { multipleOf, quotientOf, sumOf, type IndexForm } from "./index-form.ts";

/** Windows that slide along one axis of a map. */
export interface Sliding {
  /** Positions of a window. */
  readonly kernel: number;
  readonly stride: number;
  /** Padding before the first position. */
  readonly before: number;
}

export interface SlidingWindow {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Sides;
}

/** Along height and width. */
export function slidingAlong({ kernel, stride, padding }: SlidingWindow): [Sliding, Sliding] {
  return [
    { kernel: kernel[0], stride: stride[0], before: padding.top },
    { kernel: kernel[1], stride: stride[1], before: padding.left },
  ];
}

/** The position that a window has in a place of its own. */
export function positionIn(
  { stride, before }: Sliding,
  window: IndexForm,
  place: IndexForm,
): IndexForm {
  return sumOf(multipleOf(window, stride), place, -before);
}

/** How many windows may hold one position. */
export function windowsOfPosition({ kernel, stride }: Sliding): number {
  return Math.ceil(kernel / stride);
}

/**
 * The last windows that begin before a position: the `back`-th from the last, the place that the position
 * has in it, and what must hold for it to have one.
 */
export function windowOf(
  { kernel, stride, before }: Sliding,
  position: IndexForm,
  back: IndexForm,
): { readonly window: IndexForm; readonly place: IndexForm; readonly conditions: Condition[] } {
  const padded = sumOf(position, before);
  const window = sumOf(quotientOf(padded, stride), multipleOf(back, -1));
  const place = sumOf(padded, multipleOf(window, -stride));
  const fits = kernel % stride === 0;
  return {
    window,
    place,
    conditions: fits ? [] : [{ at: place, from: 0, before: kernel }],
  };
}
