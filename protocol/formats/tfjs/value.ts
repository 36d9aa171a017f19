import { SIZES, type ImageShape, type ValueId } from "../../model/graph.ts";
import { samePadding } from "../../model/same-padding.ts";
import { allSides, sizeOf, type Pair, type Sides, type ValueShape } from "../../model/values.ts";
import type { InputScaling } from "./input-scaling.ts";
import { unsupported } from "./unsupported.ts";

/** A value of the network as it is drawn, with what is still to be done to it. */
export interface Value {
  readonly id: ValueId;
  /** Zeros around it, which the convolution (or pooling) that reads it takes. */
  readonly padding?: Sides;
  /** What makes the pictures' own values of it: it is the network's input. */
  readonly scaling?: InputScaling;
  /** The map whose mean over all positions it is. */
  readonly meanOf?: ValueId;
  /** Whether none of its values is below 0. */
  readonly isPositive?: boolean;
}

export type Padding = "same" | "valid" | Sides;

export interface Window {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Padding;
}

export interface Convolution {
  readonly kernel: string;
  readonly bias?: string | undefined;
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly padding: Padding;
}

/**
 * Pictures as Scour takes them (SPEC N2).
 *
 * @throws ProtocolError `unsupported-model`.
 */
export function requirePicture({ channels, height, width }: ImageShape): void {
  if (channels !== 1 && channels !== 3) {
    throw unsupported(
      `the model reads ${channels} channels, and pictures have 3 (RGB) or 1 (grey)`,
    );
  }
  if (height === width && height >= SIZES.least && height <= SIZES.most) return;
  throw unsupported(
    `the model reads pictures of ${height}×${width} pixels, and Scour takes squares of ${SIZES.least} to ${SIZES.most}: build it for such a size, load its weights and save it again`,
  );
}

export const NONE = allSides(0);

/**
 * Rows and columns around a map that a window sees.
 *
 * @param map without what is around it already
 * @param around zeros that were put there by a step of their own
 */
export function sidesOf(
  map: ValueShape,
  around: Sides,
  { kernel, padding, stride }: Window,
): Sides {
  if (padding === "valid") return around;
  const [height, width, channels] = map as [number, number, number];
  const padded: ValueShape = [
    height + around.top + around.bottom,
    width + around.left + around.right,
    channels,
  ];
  return addSides(around, padding === "same" ? sameAlongBoth(padded, kernel, stride) : padding);
}

export function addSides(one: Sides, other: Sides): Sides {
  return {
    top: one.top + other.top,
    bottom: one.bottom + other.bottom,
    left: one.left + other.left,
    right: one.right + other.right,
  };
}

export function dilated([height, width]: Pair, [down, across]: Pair): Pair {
  return [(height - 1) * down + 1, (width - 1) * across + 1];
}

/** `samePadding` for a stride that may differ along the axes. */
function sameAlongBoth(map: ValueShape, kernel: Pair, [down, across]: Pair): Sides {
  const { bottom, top } = samePadding(map, kernel, down);
  const { left, right } = samePadding(map, kernel, across);
  return { top, bottom, left, right };
}

/**
 * What values become in another shape: features, a map of one position, or what they are.
 *
 * @param shape with −1 for what is left of them
 */
export function reshaped(
  from: ValueShape,
  shape: readonly number[],
): "same" | "features" | "cell" | undefined {
  const size = sizeOf(from);
  const known = sizeOf(shape.filter((extent) => extent !== -1));
  const target = shape.map((extent) => (extent === -1 ? size / known : extent));
  const isShape = (...other: readonly number[]): boolean => target.join() === other.join();
  if (isShape(...from)) return "same";
  if (isShape(size)) return "features";
  return isShape(1, 1, size) ? "cell" : undefined;
}
