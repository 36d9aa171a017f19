import { channelsOf } from "../../../model/operations/operation-shape.ts";
import { allSides, sizeOf } from "../../../model/values.ts";
import { axisOf, sliceIndices } from "../constants.ts";
import { dimsOf, isSameDim, isSameLayout, isWhole, whole, type Layout } from "../layout.ts";
import type { NodeAtHand } from "../node-at-hand.ts";
import type { Computed, Stored, Symbol } from "../symbols.ts";
import { channelAxis, channelMean, momentStep } from "./norms.ts";
import { weighted } from "./attention.ts";

/** Operations that take a value apart, put values together, or sum them up. */

/** Entries `from` to before `to` of a dimension. */
function slicedAt(
  at: NodeAtHand,
  value: Computed,
  axis: number,
  from: number,
  to: number,
  name: string,
): Computed {
  const { net, fail } = at;
  const settled = net.settled(value, fail);
  const dim = settled.layout[axis]!;
  const [outer, ...inner] = dim;
  if (from === 0 && to === (dim.length === 0 ? 1 : dimsOf([dim])[0])) return settled;
  const { id, shape } = settled;
  // Only the outermost run of an axis lies in one piece.
  const isOutermost = outer !== undefined && inner.length === 0;
  if (isOutermost && outer.axis === "channel" && outer.size * outer.stride === channelsOf(shape)) {
    const bounds = { from: from * outer.stride, to: to * outer.stride };
    const layout = withDim(
      settled.layout,
      axis,
      to - from === 1 ? [] : [{ ...outer, size: to - from }],
    );
    return net.value({ kind: "slice-channels", input: id, ...bounds }, name, fail, layout);
  }
  const isTokens = isOutermost && isWhole(dim, "position", sizeOf(shape) / channelsOf(shape));
  if (isTokens && shape.length !== 1) {
    const tokens = net.tokens(settled, fail);
    const layout = withDim(tokens.layout, axis, whole("position", to - from));
    return net.value({ kind: "slice-tokens", input: tokens.id, from, to }, name, fail, layout);
  }
  throw fail(
    `it takes ${from} to ${to} of axis ${axis} of [${dimsOf(settled.layout).join(", ")}], which are no channels or tokens of '${settled.name}'`,
  );
}

function withDim(layout: Layout, axis: number, dim: Layout[number]): Layout {
  return layout.map((own, i) => (i === axis ? dim : own));
}

/** One entry of a dimension, which goes; or many, if they are all there are in their order. */
export function gather(at: NodeAtHand): Symbol {
  const { fail, net } = at;
  const value = net.settled(at.computed(0), fail);
  const indices = at.constant(1);
  if (indices === undefined) throw fail("it does not say what it takes");
  const dims = dimsOf(value.layout);
  const axis = axisOf(at.number("axis", 0), dims.length);
  const size = dims[axis]!;
  const isAll = indices.values.length === size && indices.values.every((index, i) => index === i);
  if (isAll) {
    const layout = [
      ...value.layout.slice(0, axis),
      ...spreadOver(indices.dims, value.layout[axis]!),
      ...value.layout.slice(axis + 1),
    ];
    if (isSameLayout([dimsOfAtoms(layout)], [dimsOfAtoms(value.layout)]))
      return { ...value, layout };
  }
  const [index] = indices.values;
  if (indices.values.length !== 1 || indices.dims.length > 1 || index === undefined) {
    throw fail("it takes several entries out of their order");
  }
  const from = index < 0 ? index + size : index;
  if (from < 0 || from >= size) throw fail(`it takes entry ${index} of ${size}`);
  const isToken = isWhole(value.layout[axis], "position", size) && value.shape.length === 2;
  const taken =
    isToken && indices.dims.length === 0
      ? takenToken(at, value, axis, from)
      : slicedAt(at, value, axis, from, from + 1, at.name);
  return indices.dims.length === 0
    ? { ...taken, layout: taken.layout.filter((_, i) => i !== axis) }
    : taken;
}

function takenToken(at: NodeAtHand, value: Computed, axis: number, index: number): Computed {
  const layout = withDim(value.layout, axis, []);
  return at.net.value({ kind: "take-token", input: value.id, index }, at.name, at.fail, layout);
}

/** A dimension where the one of `dims` that is not 1 is; several such have no place. */
function spreadOver(dims: readonly number[], dim: Layout[number]): Layout {
  return dims.map((size) => (size === 1 ? [] : dim));
}

function dimsOfAtoms(layout: Layout): Layout[number] {
  return layout.flat();
}

export function slice(at: NodeAtHand): Symbol {
  const { net, fail } = at;
  let value = at.computed(0);
  const starts = at.listed("starts", 1) ?? [];
  const ends = at.listed("ends", 2) ?? [];
  const axes = at.listed("axes", 3) ?? starts.map((_, i) => i);
  const steps = at.constant(4)?.values ?? starts.map(() => 1);
  const dims = dimsOf(value.layout);
  const strides = new Map<number, number>();
  for (const [i, one] of axes.entries()) {
    const axis = axisOf(one, dims.length);
    const size = dims[axis]!;
    const indices = sliceIndices(size, starts[i] ?? 0, ends[i] ?? size, 1);
    const [from] = indices;
    if (from === undefined) throw fail(`it takes nothing of axis ${axis}`);
    if (steps[i] === 1)
      value = slicedAt(at, value, axis, from, from + indices.length, `${at.name}`);
    else if (from === 0 && indices.length === size && steps[i]! > 0) strides.set(axis, steps[i]!);
    else throw fail(`it takes every ${steps[i]}th from ${from} on`);
  }
  if (strides.size === 0) return { ...value, name: at.name };
  const map = net.map(value, fail);
  if ([...strides.keys()].some((axis) => axis < 2)) throw fail("it steps over images or channels");
  return net.value(
    {
      kind: "average-pool",
      input: map.id,
      kernel: [1, 1],
      stride: [strides.get(2) ?? 1, strides.get(3) ?? 1],
      padding: allSides(0),
      countsPadding: false,
    },
    at.name,
    fail,
  );
}

export function split(at: NodeAtHand): Symbol[] {
  const value = at.net.settled(at.computed(0), at.fail);
  const dims = dimsOf(value.layout);
  const axis = axisOf(at.number("axis", 0), dims.length);
  const count = at.node.outputs.length;
  const even = Math.ceil(dims[axis]! / count);
  const sizes =
    at.listed("split", 1) ??
    Array.from({ length: count }, (_, i) => Math.min(even, dims[axis]! - i * even));
  if (sizes.length !== count) throw at.fail(`it has ${count} outputs of ${sizes.length} sizes`);
  let from = 0;
  return sizes.map((size, i) => {
    const part = slicedAt(at, value, axis, from, from + size, at.node.outputs[i]!);
    from += size;
    return part;
  });
}

export function concat(at: NodeAtHand): Symbol {
  const { net, fail } = at;
  const inputs = at.inputs.map((_, i) => at.input(i));
  const first = inputs.find((symbol): symbol is Computed => symbol.kind === "computed");
  if (first === undefined) throw fail("it joins nothing that the network computes");
  const axis = axisOf(at.number("axis", 1), first.layout.length);
  if (inputs.length === 1) return first;
  if (inputs.every((symbol) => symbol.kind === "computed")) return joinedChannels(at, inputs, axis);
  const [token, value] = inputs;
  if (inputs.length === 2 && token?.kind === "stored" && value?.kind === "computed") {
    return prepended(at, token, net.tokens(value, fail), axis);
  }
  throw fail("it joins values of the network with others, which Scour does with tokens before all");
}

function joinedChannels(at: NodeAtHand, values: readonly Computed[], axis: number): Symbol {
  const { net, fail } = at;
  const settled = values.map((value) => net.settled(value, fail));
  const [first] = settled as [Computed];
  const alike = settled.every(({ layout }) =>
    isSameLayout(withDim(layout, axis, []), withDim(first.layout, axis, [])),
  );
  const isChannels = settled.every((value) => channelAxis(value) === axis);
  const isPositions = settled.every(
    ({ layout, shape }) => shape.length === 2 && isWhole(layout[axis], "position", shape[0]),
  );
  if (!alike || (!isChannels && !isPositions)) {
    throw fail(
      `it joins axis ${axis} of ${settled.map(({ layout }) => `[${dimsOf(layout).join(", ")}]`).join(" and ")}, which are not all channels or tokens`,
    );
  }
  const inputs = settled.map(({ id }) => id);
  const joined = net.add(
    { kind: "concat", axis: isChannels ? "channels" : "tokens", inputs },
    at.name,
    fail,
  );
  const dim = isChannels
    ? whole("channel", channelsOf(joined.shape))
    : whole("position", joined.shape[0]);
  return { ...first, ...joined, name: at.name, layout: withDim(first.layout, axis, dim) };
}

/** A class token, or several, before those of the images. */
function prepended(at: NodeAtHand, token: Stored, value: Computed, axis: number): Symbol {
  const { net, fail } = at;
  const channels = channelsOf(value.shape);
  const [count] = value.shape;
  const size = token.dims.length === 3 ? token.dims[axis] : undefined;
  const isAlong = isWhole(value.layout[axis], "position", count!) && channelAxis(value) === 2;
  if (
    size === undefined ||
    !isAlong ||
    token.isTransposed ||
    sizeOf(token.tensor.dims) !== size * channels
  ) {
    throw fail(
      `it puts '${token.tensor.name}' of shape [${token.dims.join(", ")}] before [${dimsOf(value.layout).join(", ")}]`,
    );
  }
  const embedding = net.parameter(token, "embedding", [1, size, channels], fail);
  const layout = withDim(value.layout, axis, whole("position", count! + size));
  return net.value({ kind: "prepend-tokens", input: value.id, embedding }, at.name, fail, layout);
}

/** ReduceMean: over all positions, or over the channels as layer norms do. */
export function reduceMean(at: NodeAtHand): Symbol {
  const { net, fail } = at;
  const step = momentStep(at);
  if (step !== undefined) return step;
  const value = at.computed(0);
  const dims = dimsOf(value.layout);
  const given = at.listed("axes", 1) ?? [];
  const all = given.length === 0 && at.number("noop_with_empty_axes", 0) === 0;
  const axes = (all ? dims.map((_, i) => i) : given).map((axis) => axisOf(axis, dims.length));
  const keepsDims = at.number("keepdims", 1) !== 0;
  const touched = axes.flatMap((axis) => value.layout[axis]!);
  if (axes.length === 1 && channelAxis(value) === axes[0]) return channelMean(at, value, keepsDims);
  const settled = net.settled(value, fail);
  const positions = sizeOf(settled.shape) / channelsOf(settled.shape);
  if (touched.length === 0 && settled.shape.length === 1) {
    const layout = settled.layout.filter((_, i) => keepsDims || !axes.includes(i));
    return { ...settled, name: at.name, layout };
  }
  const isAllPositions =
    touched.every(({ axis }) => axis === "position") && dimsOf([touched])[0] === positions;
  if (!isAllPositions || settled.shape.length === 1) {
    throw fail(
      `it takes the mean over axes ${axes.join(", ")} of [${dims.join(", ")}]: Scour takes means over all positions`,
    );
  }
  const kept = settled.layout.map((dim, i) => (axes.includes(i) ? [] : dim));
  const layout = keepsDims ? kept : kept.filter((_, i) => !axes.includes(i));
  return net.value({ kind: "global-average-pool", input: settled.id }, at.name, fail, layout);
}

/** Softmax over channels; in attention over keys. */
export function softmax(at: NodeAtHand): Symbol {
  const { net, fail } = at;
  const input = at.input(0);
  if (input.kind === "attending") return weighted(at, input);
  const value = net.settled(at.computed(0), fail);
  const rank = value.layout.length;
  const axis = axisOf(at.number("axis", at.opset < 13 ? 1 : -1), rank);
  const channels = whole("channel", channelsOf(value.shape));
  // Before opset 13 all axes from this one on are one.
  const dim = at.opset < 13 ? value.layout.slice(axis).flat() : value.layout[axis]!;
  if (!isSameDim(dim, channels)) throw fail("it is over something else than the channels");
  return net.value({ kind: "softmax", input: value.id }, at.name, fail, value.layout);
}
