import type { ProtocolError } from "../../errors.ts";
import type { Pair, ParameterRole, Sides, ValueShape } from "../values.ts";

/** Makes the error that says what is wrong with an operation. */
export type Fail = (detail: string) => ProtocolError;

/** A parameter that an operation uses. */
export interface ParameterNeed {
  readonly name: string;
  readonly role: ParameterRole;
  /** Number of dimensions; undefined: the operation says itself what fits. */
  readonly rank: number | undefined;
}

/** What is to be known of an operation without executing it. */
export interface OperationShape<O> {
  parameters(operation: O): readonly ParameterNeed[];
  /**
   * Checks that everything fits (SPEC G1).
   *
   * @param parameters shapes, in the order of `parameters`, of the rank asked for
   * @returns the shape of the operation's output
   */
  output(
    operation: O,
    inputs: readonly ValueShape[],
    parameters: readonly (readonly number[])[],
    fail: Fail,
  ): ValueShape;
}

export function isExtent(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}

export function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** A parameter that may be left out. */
export function optional(
  name: string | undefined,
  role: ParameterRole,
  rank: number,
): ParameterNeed[] {
  return name === undefined ? [] : [{ name, role, rank }];
}

export function spatial(
  shape: ValueShape,
  fail: Fail,
): readonly [height: number, width: number, channels: number] {
  if (shape.length !== 3) throw fail(`reads [${shape.join(", ")}], it needs height and width`);
  return shape;
}

export function tokens(shape: ValueShape, fail: Fail): readonly [tokens: number, channels: number] {
  if (shape.length !== 2) throw fail(`reads [${shape.join(", ")}], it needs tokens`);
  return shape;
}

export function channelsOf(shape: ValueShape): number {
  return shape.at(-1)!;
}

/** The same positions with other channels. */
export function withChannels(shape: ValueShape, channels: number): ValueShape {
  switch (shape.length) {
    case 3:
      return [shape[0], shape[1], channels];
    case 2:
      return [shape[0], channels];
    case 1:
      return [channels];
    default:
      return shape satisfies never;
  }
}

export function isSame(one: ValueShape, other: ValueShape): boolean {
  return one.length === other.length && one.every((extent, i) => extent === other[i]);
}

/** Checks that a parameter has a value for every channel of the input. */
export function checkChannels(input: ValueShape, channels: number, name: string, fail: Fail): void {
  const actual = channelsOf(input);
  if (actual !== channels) {
    throw fail(`'${name}' is made for ${channels} channels, its input has ${actual}`);
  }
}

/** A window that slides over a map. */
export interface Window {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Sides;
  readonly dilation: Pair;
}

/** Rows and columns of what a sliding window gives. */
export function slide(input: ValueShape, window: Window, fail: Fail): Pair {
  const [height, width] = spatial(input, fail);
  const { kernel, stride, padding, dilation } = window;
  const { top, bottom, left, right } = padding;
  if (!stride.every(isExtent)) throw fail(`its stride is ${stride.join("×")}`);
  if (!kernel.every(isExtent)) throw fail(`its window is ${kernel.join("×")}`);
  if (!dilation.every(isExtent)) throw fail(`its dilation is ${dilation.join("×")}`);
  const negative = [top, bottom, left, right].find((size) => !isCount(size));
  if (negative !== undefined) throw fail(`its padding is ${negative}`);
  const extent = (size: number, axis: 0 | 1): number =>
    Math.floor((size - dilation[axis] * (kernel[axis] - 1) - 1) / stride[axis]) + 1;
  const result: Pair = [extent(height + top + bottom, 0), extent(width + left + right, 1)];
  if (!result.every(isExtent)) {
    throw fail(
      `its ${kernel.join("×")} kernel is larger than the padded input of [${input.join(", ")}]`,
    );
  }
  return result;
}
