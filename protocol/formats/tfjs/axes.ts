import { sizeOf } from "../../model/values.ts";

/**
 * The order of a weight's axes: TensorFlow has convolutions as `[kh, kw, in, out]` and dense layers as
 * `[in, out]`, a `Graph` as `[out, in, kh, kw]` and `[out, in]`.
 */
export interface Axes {
  /** In the file. */
  readonly stored: readonly number[];
  /** Which of the file's axes is first here, second, and so on. */
  readonly order: readonly number[];
  /** Here; depthwise kernels have other extents than the file's in another order. */
  readonly shape: readonly number[];
}

/** As in the file. */
export function asStored(stored: readonly number[]): Axes {
  return { stored, order: stored.map((_, axis) => axis), shape: stored };
}

/** `[kh, kw, in/groups, out]` → `[out, in/groups, kh, kw]`. */
export function convolutionAxes(stored: readonly number[]): Axes {
  return permuted(stored, [3, 2, 0, 1]);
}

/** `[kh, kw, in, multiplier]` → `[in·multiplier, 1, kh, kw]`. */
export function depthwiseAxes(stored: readonly number[]): Axes {
  const [height, width, channels, multiplier] = stored as [number, number, number, number];
  return {
    stored,
    order: [2, 3, 0, 1],
    shape: [channels * multiplier, 1, height, width],
  };
}

/** `[in, out]` → `[out, in]`. */
export function denseAxes(stored: readonly number[]): Axes {
  return permuted(stored, [1, 0]);
}

function permuted(stored: readonly number[], order: readonly number[]): Axes {
  return { stored, order, shape: order.map((axis) => stored[axis]!) };
}

/** Whether values stand in the file as they do here. */
export function isAsStored({ order }: Axes): boolean {
  return order.every((axis, place) => axis === place);
}

/** The way back: what is stored there is what stands here. */
export function turnedBack({ order, stored }: Axes): Pick<Axes, "order" | "stored"> {
  return {
    stored: order.map((axis) => stored[axis]!),
    order: stored.map((_, axis) => order.indexOf(axis)),
  };
}

/**
 * Calls `visit` for values of the file one after another.
 *
 * @param first index of the first in the file's order
 * @param visit gets the value's index here, and which of the visited it is
 */
export function walk(
  { order, stored }: Pick<Axes, "order" | "stored">,
  first: number,
  length: number,
  visit: (index: number, nth: number) => void,
): void {
  const steps = stored.map(() => 0);
  let step = 1;
  for (const axis of order.toReversed()) {
    steps[axis] = step;
    step *= stored[axis]!;
  }
  // Where the walk is along each axis of the file, and at which index here.
  const at = stored.map(
    (extent, axis) => Math.floor(first / sizeOf(stored.slice(axis + 1))) % extent,
  );
  let index = at.reduce((sum, position, axis) => sum + position * steps[axis]!, 0);
  const last = stored.length - 1;
  for (let nth = 0; nth < length; nth++) {
    visit(index, nth);
    for (let axis = last; axis >= 0; axis--) {
      index += steps[axis]!;
      if (++at[axis]! < stored[axis]!) break;
      index -= steps[axis]! * stored[axis]!;
      at[axis] = 0;
    }
  }
}
