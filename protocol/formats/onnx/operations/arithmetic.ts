import { channelsOf } from "../../../model/operations/operation-shape.ts";
import { sizeOf } from "../../../model/values.ts";
import type { Constant } from "../constants.ts";
import { isSameDim, whole } from "../layout.ts";
import { asConstant, type NodeAtHand } from "../node-at-hand.ts";
import { isSameBase } from "../network.ts";
import { erf, MAX_STEPS, NAMED, type Pointwise } from "../pointwise.ts";
import type { Computed, Pending, Stored, Symbol } from "../symbols.ts";
import { scaledScores } from "./attention.ts";
import { momentStep, withAffine } from "./norms.ts";

/** Functions of one number, by operation. */
const UNARY: Readonly<Record<string, (at: NodeAtHand) => Pointwise>> = {
  Relu: () => NAMED.relu,
  Sigmoid: () => NAMED.sigmoid,
  Tanh: () => NAMED.tanh,
  Erf: () => erf,
  Exp: () => Math.exp,
  Neg: () => (x) => -x,
  Abs: () => Math.abs,
  Sqrt: () => Math.sqrt,
  Reciprocal: () => (x) => 1 / x,
  HardSwish: () => NAMED["hard-swish"],
  LeakyRelu: (at) => {
    const slope = at.number("alpha", 0.01);
    return (x) => (x < 0 ? slope * x : x);
  },
  Elu: (at) => {
    const alpha = at.number("alpha", 1);
    return (x) => (x < 0 ? alpha * Math.expm1(x) : x);
  },
  HardSigmoid: (at) => {
    const [alpha, beta] = [at.number("alpha", 0.2), at.number("beta", 0.5)];
    return (x) => Math.min(1, Math.max(0, alpha * x + beta));
  },
  Gelu: (at) => NAMED[at.text("approximate", "none") === "tanh" ? "gelu-tanh" : "gelu"],
  Clip: (at) => {
    const bound = (name: string, index: number, usual: number): number =>
      at.opset < 11 ? at.number(name, usual) : (at.constant(index)?.values[0] ?? usual);
    const [least, most] = [bound("min", 1, -Infinity), bound("max", 2, Infinity)];
    return (x) => Math.min(most, Math.max(least, x));
  },
};

/** Functions of two numbers, by operation. */
const BINARY: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Pow: (a, b) => a ** b,
  Min: Math.min,
  Max: Math.max,
};

/** What is yet to become of a value, with one operation more. */
function goesOn(
  at: NodeAtHand,
  value: Computed,
  steps: number,
  compute: Pointwise,
  parts: Pick<Pending, "joins" | "last"> = {},
): Computed {
  if (value.padding !== undefined) {
    throw at.fail(`'${value.name}' is padded, which only a convolution or a mean may read`);
  }
  if (steps > MAX_STEPS)
    throw at.fail(`more than ${MAX_STEPS} operations on each value of '${value.name}'`);
  return { ...value, name: at.name, pending: { compute, steps, ...parts } };
}

/** The function so far. */
function soFar({ pending }: Computed): { readonly compute: Pointwise; readonly steps: number } {
  return pending ?? { compute: (x) => x, steps: 0 };
}

/** An activation, or a part of one. */
export function unary(at: NodeAtHand): Symbol {
  const step = momentStep(at);
  if (step !== undefined) return step;
  const value = at.computed(0);
  const outer = UNARY[at.node.op]!(at);
  const { compute, steps } = soFar(value);
  const last = { compute: outer, of: value };
  return goesOn(at, value, steps + 1, (x) => outer(compute(x)), { last });
}

/** PRelu with one slope for all. */
export function prelu(at: NodeAtHand): Symbol {
  const slopes = at.constant(1);
  const slope = slopes?.values[0];
  if (slope === undefined || slopes!.values.some((one) => one !== slope)) {
    throw at.fail("it has a slope a channel, and Scour's leaky ReLU has one for all");
  }
  const value = at.computed(0);
  const { compute, steps } = soFar(value);
  const outer = (x: number): number => (x < 0 ? slope * x : x);
  const last = { compute: outer, of: value };
  return goesOn(at, value, steps + 1, (x) => outer(compute(x)), { last });
}

/** Add, Sub, Mul, Div, Pow, Min, Max. */
export function binary(at: NodeAtHand): Symbol {
  const step = momentStep(at) ?? scaledScores(at);
  if (step !== undefined) return step;
  const [one, other] = [at.input(0), at.input(1)];
  const [a, b] = [
    one.kind === "computed" ? one : undefined,
    other.kind === "computed" ? other : undefined,
  ];
  if (a !== undefined && b !== undefined) return ofTwo(at, a, b);
  if (a === undefined && b === undefined)
    throw at.fail("it joins nothing that the network computes");
  const value = (a ?? b)!;
  const constant = at.input(a === undefined ? 0 : 1);
  const known = asConstant(constant);
  const normalised = a && known && imageNormalised(at, a, known);
  if (normalised !== undefined) return normalised;
  const operate = BINARY[at.node.op]!;
  const number = known?.values[0];
  if (
    number !== undefined &&
    known!.values.every((entry) => entry === number) &&
    known!.values.length === 1
  ) {
    const { compute, steps } = soFar(value);
    return goesOn(at, value, steps + 1, (x) =>
      a === undefined ? operate(number, compute(x)) : operate(compute(x), number),
    );
  }
  if (constant.kind === "stored") {
    const joined = withStored(at, value, constant);
    if (joined !== undefined) return joined;
  }
  throw at.fail(
    at.net.isImage(value)
      ? "it changes the images before the network reads them, and not by a mean and std a channel: export the network without it"
      : `it joins '${value.name}' with numbers that are no bias, factor a channel or embedding of its tokens`,
  );
}

function ofTwo(at: NodeAtHand, a: Computed, b: Computed): Symbol {
  const { net } = at;
  const { op } = at.node;
  const kind = op === "Add" ? "add" : op === "Mul" ? "multiply" : undefined;
  const joins = kind && ({ kind, of: [a, b] } as const);
  if (isSameBase(a, b)) {
    const [first, second] = [soFar(a), soFar(b)];
    const operate = BINARY[op]!;
    const compute = (x: number): number => operate(first.compute(x), second.compute(x));
    return goesOn(at, a, first.steps + second.steps + 1, compute, joins && { joins });
  }
  if (joins === undefined)
    throw at.fail("it joins two values of the network, which Scour does by Add and Mul");
  return { ...net.join(joins.kind, joins.of, at.name, at.fail), name: at.name };
}

/** A value joined with a tensor of the file: a bias, a norm's parameters, a layer scale, an embedding. */
function withStored(at: NodeAtHand, given: Computed, stored: Stored): Computed | undefined {
  const { net, fail } = at;
  const isOfChannels = !stored.isTransposed && standsForChannels(given, stored.dims);
  const channels = channelsOf(given.shape);
  if (net.producer(given.id) === undefined) return undefined;
  switch (at.node.op) {
    case "Mul": {
      if (!isOfChannels) return undefined;
      const value = net.settled(given, fail);
      const amended = withAffine(at, value, stored, "scale");
      if (amended !== undefined) return amended;
      const factor = net.parameter(stored, "layer-scale", [channels], fail);
      return net.value({ kind: "scale", input: value.id, factor }, at.name, fail, value.layout);
    }
    case "Add": {
      const value = net.settled(given, fail);
      if (!isOfChannels) return embedded(at, value, stored);
      const amended = withAffine(at, value, stored, "shift");
      if (amended !== undefined) return amended;
      const layer = net.producer(value.id);
      if ((layer?.kind !== "linear" && layer?.kind !== "conv2d") || layer.bias !== undefined)
        return undefined;
      const role = layer.kind === "linear" ? "linear-bias" : "conv-bias";
      const bias = net.parameter(stored, role, [channels], fail);
      return net.value({ ...layer, bias }, at.name, fail, value.layout);
    }
    default:
      return undefined;
  }
}

/** The images of a file that normalises them itself, with one number a channel or for all. */
function imageNormalised(
  at: NodeAtHand,
  value: Computed,
  { dims, values }: Constant,
): Computed | undefined {
  if (!at.net.isImage(value)) return undefined;
  if (values.length !== 1 && !standsForChannels(value, dims)) return undefined;
  const channels = channelsOf(value.shape);
  const start = {
    factors: Array<number>(channels).fill(1),
    summands: Array<number>(channels).fill(0),
  };
  const { factors, summands } = value.normalised ?? start;
  const number = (channel: number): number => values[channel % values.length]!;
  const changed = (
    list: readonly number[],
    change: (one: number, other: number) => number,
  ): number[] => list.map((one, channel) => change(one, number(channel)));
  const given = { ...value, name: at.name };
  switch (at.node.op) {
    case "Add":
      return { ...given, normalised: { factors, summands: changed(summands, (a, b) => a + b) } };
    case "Sub":
      return { ...given, normalised: { factors, summands: changed(summands, (a, b) => a - b) } };
    case "Mul":
    case "Div": {
      const by =
        at.node.op === "Mul" ? (a: number, b: number) => a * b : (a: number, b: number) => a / b;
      return {
        ...given,
        normalised: { factors: changed(factors, by), summands: changed(summands, by) },
      };
    }
    default:
      return undefined;
  }
}

/** Whether a tensor has one value a channel, where the value's channels are. */
function standsForChannels({ layout, shape }: Computed, dims: readonly number[]): boolean {
  if (dims.length > layout.length) return false;
  const channels = channelsOf(shape);
  const axis = layout.findIndex((dim) => isSameDim(dim, whole("channel", channels)));
  const offset = layout.length - dims.length;
  return dims.every((size, i) => (i + offset === axis ? size === channels : size === 1));
}

/** Positions added to tokens. */
function embedded(at: NodeAtHand, given: Computed, stored: Stored): Computed | undefined {
  const { net, fail } = at;
  const [count, channels] = [
    sizeOf(given.shape) / channelsOf(given.shape),
    channelsOf(given.shape),
  ];
  const [, positions, last] = given.layout;
  const isInOrder =
    given.layout.length === 3 &&
    isSameDim(positions!, whole("position", count)) &&
    isSameDim(last!, whole("channel", channels));
  const own = stored.dims.filter((size, i) => i > 0 || size !== 1);
  if (
    !isInOrder ||
    stored.isTransposed ||
    own.length !== 2 ||
    own[0] !== count ||
    own[1] !== channels
  ) {
    return undefined;
  }
  const value = net.tokens(given, fail);
  const embedding = net.parameter(stored, "embedding", [1, count, channels], fail);
  return net.value(
    { kind: "add-embedding", input: value.id, embedding },
    at.name,
    fail,
    value.layout,
  );
}

export const UNARY_OPERATIONS: readonly string[] = Object.keys(UNARY);
export const BINARY_OPERATIONS: readonly string[] = Object.keys(BINARY);
