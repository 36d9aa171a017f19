/** Identifies a value (an activation) inside one graph. */
export type ValueId = string;

/** What a parameter is for: decides trainability, re-initialisation and its fresh distribution. */
export type ParameterRole =
  | "conv-weight"
  | "conv-bias"
  | "linear-weight"
  | "linear-bias"
  | "norm-scale"
  | "norm-shift"
  | "running-mean"
  | "running-variance"
  /** One factor a channel, on a residual branch. */
  | "layer-scale"
  /** Added to tokens, or put before them: a position, a class token. */
  | "embedding";

/** One named tensor of the model, in the layout and under the name of the source file. */
export interface Parameter {
  readonly name: string;
  readonly role: ParameterRole;
  readonly shape: readonly number[];
}

/**
 * Shape of one image's value: a map `[H, W, C]`, tokens `[T, C]`, or features `[C]`. Channels come
 * last.
 */
export type ValueShape =
  | readonly [height: number, width: number, channels: number]
  | readonly [tokens: number, channels: number]
  | readonly [channels: number];

/** Along height and width. */
export type Pair = readonly [height: number, width: number];

/** Rows and columns at the four sides of a map. */
export interface Sides {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** The same at all four sides. */
export function allSides(size: number): Sides {
  return { top: size, bottom: size, left: size, right: size };
}

/** Number of values in a tensor of this shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}
