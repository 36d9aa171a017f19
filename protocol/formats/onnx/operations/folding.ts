import {
  axisOf,
  concatenated,
  constant,
  elementwise,
  expanded,
  broadcastDims,
  gathered,
  scalar,
  sliceIndices,
  vector,
  type Constant,
} from "../constants.ts";
import { askedShape } from "../layout.ts";
import type { NodeAtHand } from "../node-at-hand.ts";

/** Operations on numbers that are known: shape arithmetic, done once and for all. */
type Fold = (at: NodeAtHand, inputs: readonly Constant[]) => Constant;

const truth = (value: boolean): number => (value ? 1 : 0);
const byElement =
  (compute: (...values: readonly number[]) => number): Fold =>
  (_at, inputs) =>
    elementwise(compute, inputs);

const comparing =
  (compute: (a: number, b: number) => boolean): Fold =>
  (_at, inputs) => ({ ...elementwise((a, b) => truth(compute(a!, b!)), inputs), isInteger: true });

/** The same numbers in another shape. */
function inDims({ values, isInteger }: Constant, dims: readonly number[]): Constant {
  return constant(dims, values, isInteger);
}

function reduced(
  at: NodeAtHand,
  [data, axes]: readonly Constant[],
  join: (a: number, b: number) => number,
  start: number,
): Constant {
  const { dims, values, isInteger } = data!;
  const given = at.numbers("axes") ?? axes?.values ?? dims.map((_, axis) => axis);
  if (given.length !== dims.length) throw at.fail("it reduces some axes of numbers, and not all");
  const value = values.reduce(join, start);
  return constant(at.number("keepdims", 1) === 0 ? [] : dims.map(() => 1), [value], isInteger);
}

/** Element types, by number, that hold integers or truth values. */
const INTEGERS: ReadonlySet<number> = new Set([2, 3, 4, 5, 6, 7, 9, 12, 13]);
const BOOL = 9;

export const FOLDS: Readonly<Record<string, Fold>> = {
  Add: byElement((a, b) => a! + b!),
  Sub: byElement((a, b) => a! - b!),
  Mul: byElement((a, b) => a! * b!),
  Div: byElement((a, b) => a! / b!),
  Mod: byElement((a, b) => a! - b! * Math.floor(a! / b!)),
  Pow: byElement((a, b) => a! ** b!),
  Min: byElement(Math.min),
  Max: byElement(Math.max),
  Neg: byElement((a) => -a!),
  Abs: byElement((a) => Math.abs(a!)),
  Sqrt: byElement((a) => Math.sqrt(a!)),
  Reciprocal: byElement((a) => 1 / a!),
  Floor: byElement((a) => Math.floor(a!)),
  Ceil: byElement((a) => Math.ceil(a!)),
  Not: byElement((a) => truth(a === 0)),
  And: byElement((a, b) => truth(a !== 0 && b !== 0)),
  Or: byElement((a, b) => truth(a !== 0 || b !== 0)),
  Equal: comparing((a, b) => a === b),
  Less: comparing((a, b) => a < b),
  Greater: comparing((a, b) => a > b),
  LessOrEqual: comparing((a, b) => a <= b),
  GreaterOrEqual: comparing((a, b) => a >= b),
  Where: (_at, [condition, one, other]) => ({
    ...elementwise((is, a, b) => (is === 0 ? b! : a!), [condition!, one!, other!]),
    isInteger: one!.isInteger,
  }),
  Identity: (_at, [data]) => data!,
  CastLike: (_at, [data, like]) => ({
    ...elementwise((a) => (like!.isInteger ? Math.trunc(a!) : a!), [data!]),
    isInteger: like!.isInteger,
  }),
  Cast: (at, [data]) => {
    const to = at.number("to", 1);
    const cast = (value: number): number => {
      if (to === BOOL) return truth(value !== 0);
      return INTEGERS.has(to) ? Math.trunc(value) : value;
    };
    const { dims, values } = data!;
    return constant(dims, values.map(cast), INTEGERS.has(to));
  },
  Shape: (at, [data]) =>
    vector(data!.dims.slice(at.number("start", 0), at.number("end", data!.dims.length))),
  Size: (_at, [data]) => scalar(data!.values.length),
  Gather: (at, [data, indices]) =>
    gathered(data!, indices!, axisOf(at.number("axis", 0), data!.dims.length)),
  Concat: (at, inputs) =>
    concatenated(inputs, axisOf(at.number("axis", 0), inputs[0]!.dims.length)),
  Slice: (at, [data]) => sliced(at, data!),
  Unsqueeze: (at, [data]) => {
    const dims = [...data!.dims];
    const axes = at.listed("axes", 1) ?? [];
    const rank = dims.length + axes.length;
    for (const axis of axes.map((one) => axisOf(one, rank)).sort((a, b) => a - b))
      dims.splice(axis, 0, 1);
    return inDims(data!, dims);
  },
  Transpose: (at, [data]) => {
    const { dims, values, isInteger } = data!;
    const order = at.numbers("perm") ?? dims.map((_, axis) => dims.length - 1 - axis);
    const to = order.map((axis) => dims[axisOf(axis, dims.length)]!);
    const steps = dims.map((_, axis) =>
      dims.slice(axis + 1).reduce((product, size) => product * size, 1),
    );
    const turned = values.map((_, index) => {
      let rest = index;
      let from = 0;
      for (let axis = to.length - 1; axis >= 0; axis--) {
        from += (rest % to[axis]!) * steps[order[axis]!]!;
        rest = Math.floor(rest / to[axis]!);
      }
      return values[from] ?? 0;
    });
    return constant(to, turned, isInteger);
  },
  Squeeze: (at, [data]) => {
    const { dims } = data!;
    const axes = at.listed("axes", 1)?.map((axis) => axisOf(axis, dims.length));
    const isKept = (size: number, axis: number): boolean =>
      axes === undefined ? size !== 1 : !axes.includes(axis);
    return inDims(data!, dims.filter(isKept));
  },
  Reshape: (at, [data, asked]) => {
    const dims = askedShape(data!.dims, asked!.values, at.number("allowzero", 0) !== 0);
    if (dims === undefined)
      throw at.fail(`[${data!.dims.join(", ")}] does not divide into the shape that it asks for`);
    return inDims(data!, dims);
  },
  Expand: (_at, [data, asked]) => expanded(data!, broadcastDims(data!.dims, asked!.values)),
  Range: (at, [start, limit, step]) => {
    const [from, to, by] = [start!.values[0]!, limit!.values[0]!, step!.values[0]!];
    const count = Math.max(0, Math.ceil((to - from) / by));
    if (!(count <= MAX_RANGE)) throw at.fail(`it counts from ${from} to ${to} by ${by}`);
    return constant(
      [count],
      Array.from({ length: count }, (_, i) => from + i * by),
      start!.isInteger,
    );
  },
  ConstantOfShape: (at, [asked]) => {
    const value = at.node.attributes.get("value");
    const tensor = value?.kind === "tensor" ? value.value : undefined;
    const filler = constant(
      [],
      [tensor?.values?.[0] ?? 0],
      tensor !== undefined && tensor.floats === undefined,
    );
    return expanded(filler, asked!.values);
  },
  ReduceProd: (at, inputs) => reduced(at, inputs, (a, b) => a * b, 1),
  ReduceSum: (at, inputs) => reduced(at, inputs, (a, b) => a + b, 0),
  ReduceMax: (at, inputs) => reduced(at, inputs, Math.max, -Infinity),
};

const MAX_RANGE = 2 ** 16;

function sliced(at: NodeAtHand, data: Constant): Constant {
  const starts = at.listed("starts", 1) ?? [];
  const ends = at.listed("ends", 2) ?? [];
  const axes = at.listed("axes", 3) ?? starts.map((_, i) => i);
  const steps = at.constant(4)?.values ?? [];
  let result = data;
  for (const [i, one] of axes.entries()) {
    const axis = axisOf(one, data.dims.length);
    const size = result.dims[axis]!;
    const indices = sliceIndices(size, starts[i] ?? 0, ends[i] ?? size, steps[i] ?? 1);
    result = gathered(result, vector(indices), axis);
  }
  return result;
}
