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
  return order.every((axis, nth) => axis === nth);
}

/** In which order values stand at one place and at another. */
export type Turn = Pick<Axes, "order" | "stored">;

/** The way back: what is stored there is what stands here. */
export function turnedBack({ order, stored }: Turn): Turn {
  return {
    stored: order.map((axis) => stored[axis]!),
    order: stored.map((_, axis) => order.indexOf(axis)),
  };
}

/**
 * Puts values that stand behind each other in the file to where they are here.
 *
 * @param first index of the first value in the file's order
 * @param into a run of what stands here; what lies outside of it is left out
 * @param intoFirst index of its first value here
 */
export function place(
  turn: Turn,
  values: Float32Array,
  first: number,
  into: Float32Array,
  intoFirst: number,
): void {
  const { order, stored } = plain(turn);
  const steps = stepsOf({ order, stored });
  const last = stored.length - 1;
  const step = steps[last]!;
  // Where the walk is along each axis of the file, and at which index here.
  const at = stored.map(
    (extent, axis) => Math.floor(first / sizeOf(stored.slice(axis + 1))) % extent,
  );
  let index = at.reduce((sum, position, axis) => sum + position * steps[axis]!, 0) - intoFirst;
  for (let nth = 0; nth < values.length;) {
    const run = Math.min(stored[last]! - at[last]!, values.length - nth);
    for (let i = 0; i < run; i++) {
      const to = index + i * step;
      if (to >= 0 && to < into.length) into[to] = values[nth + i]!;
    }
    nth += run;
    index += run * step;
    at[last]! += run;
    for (let axis = last; axis > 0 && at[axis] === stored[axis]; axis--) {
      index += steps[axis - 1]! - steps[axis]! * stored[axis]!;
      at[axis - 1]! += 1;
      at[axis] = 0;
    }
  }
}

/** How far apart neighbours along each axis of the file are here. */
function stepsOf({ order, stored }: Turn): number[] {
  const steps = stored.map(() => 0);
  let step = 1;
  for (const axis of order.toReversed()) {
    steps[axis] = step;
    step *= stored[axis]!;
  }
  return steps;
}

/** The same turn with fewer and longer axes: without those of one position, and neighbours joined. */
function plain({ order, stored }: Turn): Turn {
  const groups: number[][] = [];
  for (const axis of order.filter((candidate) => stored[candidate] !== 1)) {
    const group = groups.at(-1);
    const before = group?.at(-1);
    const joins =
      before !== undefined &&
      stored.every((extent, other) => other <= before || other >= axis || extent === 1) &&
      axis > before;
    if (joins) group!.push(axis);
    else groups.push([axis]);
  }
  if (groups.length === 0) return { stored: [1], order: [0] };
  const inFile = groups.toSorted(([a], [b]) => a! - b!);
  return {
    stored: inFile.map((group) => sizeOf(group.map((axis) => stored[axis]!))),
    order: groups.map((group) => inFile.indexOf(group)),
  };
}
