import { sizeOf } from "../../../model/values.ts";
import { axisOf, constant } from "../constants.ts";
import { askedShape, dimsOf, reshaped } from "../layout.ts";
import type { NodeAtHand } from "../node-at-hand.ts";
import type { Computed, Stored, Symbol } from "../symbols.ts";

/** Operations that change how a value is looked at, and none of its numbers. */

/** The value that such an operation reads, or a tensor of the file. */
function viewed(at: NodeAtHand): Computed | Stored {
  const symbol = at.input(0);
  if (symbol.kind === "stored") return symbol;
  const value = at.computed(0);
  if (value.padding !== undefined) {
    throw at.fail(`'${value.name}' is padded, which only a convolution or a mean may read`);
  }
  return value;
}

function dimsOfSymbol(symbol: Computed | Stored): readonly number[] {
  return symbol.kind === "stored" ? symbol.dims : dimsOf(symbol.layout);
}

/** The same numbers in another shape. */
function inShape(
  at: NodeAtHand,
  symbol: Computed | Stored,
  sizes: readonly number[] | undefined,
): Symbol {
  const dims = dimsOfSymbol(symbol);
  if (sizes === undefined) {
    throw at.fail(`[${dims.join(", ")}] does not divide into the shape that it asks for`);
  }
  if (symbol.kind === "stored") {
    if (symbol.isTransposed) throw at.fail(`'${symbol.tensor.name}' is transposed and reshaped`);
    return { ...symbol, dims: sizes };
  }
  const layout = reshaped(symbol.layout, sizes);
  if (layout === undefined) {
    throw at.fail(
      `it makes [${sizes.join(", ")}] of [${dims.join(", ")}], which mixes what Scour keeps apart`,
    );
  }
  return { ...symbol, layout };
}

export function reshape(at: NodeAtHand): Symbol {
  const symbol = viewed(at);
  const asked = at.constant(1)?.values;
  if (asked === undefined) throw at.fail("it does not say which shape it makes");
  return inShape(
    at,
    symbol,
    askedShape(dimsOfSymbol(symbol), asked, at.number("allowzero", 0) !== 0),
  );
}

export function flatten(at: NodeAtHand): Symbol {
  const symbol = viewed(at);
  const dims = dimsOfSymbol(symbol);
  const axis = at.number("axis", 1);
  const before = axis < 0 ? axis + dims.length : axis;
  return inShape(at, symbol, [sizeOf(dims.slice(0, before)), sizeOf(dims.slice(before))]);
}

export function squeeze(at: NodeAtHand): Symbol {
  const symbol = viewed(at);
  const dims = dimsOfSymbol(symbol);
  const axes = at.listed("axes", 1)?.map((axis) => axisOf(axis, dims.length));
  if (axes?.some((axis) => dims[axis] !== 1))
    throw at.fail(`it drops an axis of [${dims.join(", ")}] that is no 1`);
  return inShape(
    at,
    symbol,
    dims.filter((size, axis) => (axes === undefined ? size !== 1 : !axes.includes(axis))),
  );
}

export function unsqueeze(at: NodeAtHand): Symbol {
  const symbol = viewed(at);
  const dims = [...dimsOfSymbol(symbol)];
  const axes = at.listed("axes", 1) ?? [];
  const rank = dims.length + axes.length;
  for (const axis of axes.map((one) => axisOf(one, rank)).sort((a, b) => a - b)) {
    dims.splice(axis, 0, 1);
  }
  return inShape(at, symbol, dims);
}

export function transpose(at: NodeAtHand): Symbol {
  const symbol = viewed(at);
  const dims = dimsOfSymbol(symbol);
  const order = at.numbers("perm") ?? dims.map((_, axis) => dims.length - 1 - axis);
  const isOrder =
    order.length === dims.length &&
    new Set(order).size === dims.length &&
    order.every((axis) => dims[axis] !== undefined);
  if (!isOrder) throw at.fail(`its 'perm' is [${order.join(", ")}] for ${dims.length} axes`);
  if (symbol.kind === "computed") {
    return { ...symbol, layout: order.map((axis) => symbol.layout[axis]!) };
  }
  const turned = order.map((axis) => dims[axis]!);
  const kept = order.filter((axis) => dims[axis] !== 1);
  if (kept.every((axis, i) => i === 0 || axis > kept[i - 1]!)) return inShape(at, symbol, turned);
  if (dims.length !== 2 || symbol.tensor.dims.length !== 2) {
    throw at.fail(
      `it transposes '${symbol.tensor.name}' of shape [${dims.join(", ")}], and Scour does that with two axes alone: export the model again with constants folded`,
    );
  }
  return { ...symbol, dims: turned, isTransposed: !symbol.isTransposed };
}

/** Identity, Dropout in evaluation, and Cast between floats. */
export function same(at: NodeAtHand): Symbol {
  const symbol = at.input(0);
  return symbol.kind === "computed" ? { ...symbol, name: at.name } : symbol;
}

/** The shape of a value. */
export function shape(at: NodeAtHand): Symbol {
  const symbol = at.input(0);
  if (symbol.kind === "sequence" || symbol.kind === "moment" || symbol.kind === "attending") {
    throw at.fail("it asks for the shape of something in between");
  }
  const dims = symbol.kind === "computed" ? dimsOf(symbol.layout) : symbol.dims;
  const start = at.number("start", 0);
  const taken = dims.slice(start, at.number("end", dims.length));
  return constant([taken.length], taken, true);
}

/** Expand: of a tensor of the file alone, once for every image. */
export function expand(at: NodeAtHand): Symbol {
  const symbol = viewed(at);
  const asked = at.constant(1)?.values ?? [];
  const dims = dimsOfSymbol(symbol);
  const rank = Math.max(asked.length, dims.length);
  const from = (sizes: readonly number[], axis: number): number =>
    sizes[axis - rank + sizes.length] ?? 1;
  const grown = Array.from({ length: rank }, (_, axis) => axis).filter(
    (axis) => from(asked, axis) > 1 && from(dims, axis) === 1,
  );
  const isPerImage = grown.every((axis) => axis === 0 && from(asked, 0) === at.net.batch);
  if (!isPerImage || (symbol.kind === "computed" && grown.length > 0)) {
    throw at.fail(`it repeats [${dims.join(", ")}] to [${asked.join(", ")}]`);
  }
  return symbol;
}
