/** Numbers that are known when the file is read: shapes, axes, bounds, and what is computed of them. */
export interface Constant {
  readonly kind: "constant";
  readonly dims: readonly number[];
  /** Row-major. */
  readonly values: readonly number[];
  /** Whether division drops what is over. */
  readonly isInteger: boolean;
}

/** Most values of a constant: shape arithmetic has a handful. */
const MAX_VALUES = 2 ** 16;

/** Thrown where constants do not go together; the node at hand is named by whoever catches it. */
export class ConstantError extends Error {}

export function constant(
  dims: readonly number[],
  values: readonly number[],
  isInteger: boolean,
): Constant {
  return { kind: "constant", dims, values, isInteger };
}

export function scalar(value: number, isInteger = true): Constant {
  return constant([], [value], isInteger);
}

export function vector(values: readonly number[]): Constant {
  return constant([values.length], values, true);
}

function sizeOf(dims: readonly number[]): number {
  const size = dims.reduce((product, extent) => product * extent, 1);
  if (!(size >= 0 && size <= MAX_VALUES)) {
    throw new ConstantError(
      `a constant of shape [${dims.join(", ")}] is larger than is folded here`,
    );
  }
  return size;
}

/** The shape of what two shapes give together (ONNX's multidirectional broadcasting). */
export function broadcastDims(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, axis) => {
    let size = 1;
    for (const shape of shapes) {
      const own = shape[axis - rank + shape.length] ?? 1;
      if (own === 1 || own === size) continue;
      if (size !== 1) {
        throw new ConstantError(
          `shapes ${shapes.map((one) => `[${one.join(", ")}]`).join(" and ")} do not go together`,
        );
      }
      size = own;
    }
    return size;
  });
}

/** A constant repeated to another shape. */
export function expanded({ dims, values, isInteger }: Constant, to: readonly number[]): Constant {
  const size = sizeOf(to);
  const result = Array.from({ length: size }, (_, index) => {
    let rest = index;
    let from = 0;
    let step = 1;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      const own = dims[axis - to.length + dims.length] ?? 1;
      if (own !== 1) from += (rest % to[axis]!) * step;
      rest = Math.floor(rest / to[axis]!);
      step *= own;
    }
    return values[from]!;
  });
  return constant(to, result, isInteger);
}

/** What a function gives of values at the same place. */
export function elementwise(
  compute: (...values: readonly number[]) => number,
  inputs: readonly Constant[],
): Constant {
  const dims = broadcastDims(...inputs.map((input) => input.dims));
  const isInteger = inputs.every((input) => input.isInteger);
  const alike = inputs.map((input) => expanded(input, dims).values);
  const values = alike[0]!.map((_, i) => {
    const value = compute(...alike.map((list) => list[i]!));
    return isInteger ? Math.trunc(value) : value;
  });
  return constant(dims, values, isInteger);
}

/** An axis counted from the end where it is negative. */
export function axisOf(axis: number, rank: number): number {
  const index = axis < 0 ? axis + rank : axis;
  if (!(Number.isInteger(index) && index >= 0 && index < Math.max(1, rank))) {
    throw new ConstantError(`axis ${axis} of ${rank}`);
  }
  return index;
}

/** Blocks before, along and behind an axis. */
function blocks(
  dims: readonly number[],
  axis: number,
): [outer: number, size: number, inner: number] {
  return [sizeOf(dims.slice(0, axis)), dims[axis] ?? 1, sizeOf(dims.slice(axis + 1))];
}

/** Entries of an axis, by index. */
export function gathered(data: Constant, indices: Constant, axis: number): Constant {
  const [outer, size, inner] = blocks(data.dims, axis);
  const dims = [...data.dims.slice(0, axis), ...indices.dims, ...data.dims.slice(axis + 1)];
  sizeOf(dims);
  const values: number[] = [];
  for (let block = 0; block < outer; block++) {
    for (const index of indices.values) {
      const at = index < 0 ? index + size : index;
      if (!(at >= 0 && at < size)) throw new ConstantError(`entry ${index} of ${size}`);
      const from = (block * size + at) * inner;
      values.push(...data.values.slice(from, from + inner));
    }
  }
  return constant(dims, values, data.isInteger);
}

/** Constants behind each other along an axis. */
export function concatenated(inputs: readonly Constant[], axis: number): Constant {
  const [first] = inputs as [Constant];
  const total = inputs.reduce((sum, { dims }) => sum + (dims[axis] ?? 1), 0);
  const dims = first.dims.map((size, i) => (i === axis ? total : size));
  sizeOf(dims);
  const [outer] = blocks(first.dims, axis);
  const values: number[] = [];
  for (let block = 0; block < outer; block++) {
    for (const input of inputs) {
      const run = input.values.length / outer;
      values.push(...input.values.slice(block * run, (block + 1) * run));
    }
  }
  if (values.length !== sizeOf(dims)) throw new ConstantError("shapes that do not go together");
  return constant(dims, values, first.isInteger);
}

/** Indices that a slice of an axis takes, as ONNX's Slice counts. */
export function sliceIndices(size: number, start: number, end: number, step: number): number[] {
  if (!Number.isInteger(step) || step === 0) throw new ConstantError(`a step of ${step}`);
  const [least, most] = step > 0 ? [0, size] : [-1, size - 1];
  const within = (at: number): number =>
    Math.min(most, Math.max(least, at < 0 ? Math.max(at + size, step > 0 ? 0 : -1) : at));
  const indices: number[] = [];
  const last = within(end);
  for (let at = within(start); step > 0 ? at < last : at > last; at += step) indices.push(at);
  return indices;
}
