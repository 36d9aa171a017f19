import { allSides, type Pair, type Sides, type ValueShape } from "../../../model/values.ts";
import { samePadding } from "../../../model/same-padding.ts";
import type { NodeAtHand } from "../node-at-hand.ts";
import type { Computed, Symbol } from "../symbols.ts";

/** Attributes that convolutions and poolings share. */

function pair(at: NodeAtHand, name: string): Pair {
  const values = at.numbers(name) ?? [1, 1];
  if (values.length !== 2) {
    throw at.fail(
      `its '${name}' has ${values.length} numbers, and Scour slides over rows and columns`,
    );
  }
  return [values[0]!, values[1]!];
}

/** Rows and columns at the four sides, by `pads` or `auto_pad`. */
function paddingOf(at: NodeAtHand, shape: ValueShape, kernel: Pair, stride: Pair): Sides {
  const rule = at.text("auto_pad", "NOTSET");
  switch (rule) {
    case "NOTSET": {
      const [top = 0, left = 0, bottom = 0, right = 0, ...more] = at.numbers("pads") ?? [];
      if (more.length > 0) throw at.fail("its 'pads' has more numbers than a map has sides");
      return { top, left, bottom, right };
    }
    case "VALID":
      return allSides(0);
    case "SAME_UPPER":
    case "SAME_LOWER": {
      const rows = samePadding(shape, kernel, stride[0]);
      const columns = samePadding(shape, kernel, stride[1]);
      const sides = { ...rows, left: columns.left, right: columns.right };
      return rule === "SAME_UPPER"
        ? sides
        : { top: sides.bottom, bottom: sides.top, left: sides.right, right: sides.left };
    }
    default:
      throw at.fail(`its 'auto_pad' is '${rule}'`);
  }
}

function plus(one: Sides, other: Sides | undefined): Sides {
  if (other === undefined) return one;
  return {
    top: one.top + other.top,
    bottom: one.bottom + other.bottom,
    left: one.left + other.left,
    right: one.right + other.right,
  };
}

export function convolution(at: NodeAtHand): Symbol {
  const input = at.net.map(at.computed(0), at.fail);
  const weight = at.parameter(1);
  const [out, , height, width, ...more] = weight.dims;
  if (out === undefined || height === undefined || width === undefined || more.length > 0) {
    throw at.fail(
      `its weight '${weight.tensor.name}' is [${weight.dims.join(", ")}], and that of a convolution over rows and columns has 4 dimensions`,
    );
  }
  if (weight.isTransposed) throw at.fail(`its weight '${weight.tensor.name}' is transposed`);
  const kernel: Pair = [height, width];
  const stride = pair(at, "strides");
  const dilation = pair(at, "dilations");
  const spread: Pair = [dilation[0] * (height - 1) + 1, dilation[1] * (width - 1) + 1];
  const padding = paddingOf(at, input.shape, spread, stride);
  const bias = at.stored(2);
  return at.net.value(
    {
      kind: "conv2d",
      input: input.id,
      weight: at.net.parameter(weight, "conv-weight", [out, weight.dims[1]!, ...kernel], at.fail),
      ...(bias && { bias: at.net.parameter(bias, "conv-bias", [out], at.fail) }),
      stride,
      padding: plus(padding, input.padding),
      dilation,
      groups: at.number("group", 1),
    },
    at.name,
    at.fail,
  );
}

/** MaxPool and AveragePool. */
export function windowPool(at: NodeAtHand): Symbol {
  const isMax = at.node.op === "MaxPool";
  const input = at.net.map(at.computed(0), at.fail);
  const kernel = pair(at, "kernel_shape");
  const stride = pair(at, "strides");
  if (pair(at, "dilations").some((step) => step !== 1)) {
    throw at.fail("it is dilated, and Scour has no such pooling");
  }
  const countsPadding = at.number("count_include_pad", 0) !== 0;
  const padding = paddingOf(at, input.shape, kernel, stride);
  const isPadded = input.padding !== undefined;
  if (isPadded && (isMax || (!countsPadding && Object.values(padding).some((size) => size > 0)))) {
    throw at.fail(`'${input.name}' is padded with zeros before it, and Scour pads poolings itself`);
  }
  const sides = plus(padding, input.padding);
  if (!isMax && !isPadded && Object.values(sides).every((size) => size === 0)) {
    const [height, width] = input.shape;
    if (kernel[0] === height && kernel[1] === width) return pooledAll(at, input);
  }
  const { bottom, right } = overhang(at, input.shape, kernel, stride, sides);
  if ((bottom > 0 || right > 0) && !isMax && (countsPadding || isPadded)) {
    throw at.fail(
      "it counts its padding and rounds up ('ceil_mode'), which Scour has no pooling for",
    );
  }
  const window = {
    input: input.id,
    kernel,
    stride,
    padding: { ...sides, bottom: sides.bottom + bottom, right: sides.right + right },
  };
  return at.net.value(
    isMax
      ? { kind: "max-pool", ...window }
      : { kind: "average-pool", ...window, countsPadding: countsPadding || isPadded },
    at.name,
    at.fail,
  );
}

/** More rows and columns that `ceil_mode` lets the last window reach over. */
function overhang(
  at: NodeAtHand,
  [height = 1, width = 1]: ValueShape,
  kernel: Pair,
  stride: Pair,
  { top, bottom, left, right }: Sides,
): { readonly bottom: number; readonly right: number } {
  if (at.number("ceil_mode", 0) === 0) return { bottom: 0, right: 0 };
  const more = (size: number, before: number, after: number, axis: 0 | 1): number => {
    const over = (size + before + after - kernel[axis]) % stride[axis];
    if (over === 0) return 0;
    // A window that would begin in the padding after the map is none.
    const start = size + before + after - kernel[axis] - over + stride[axis];
    return start >= size + before ? 0 : stride[axis] - over;
  };
  return { bottom: more(height, top, bottom, 0), right: more(width!, left, right, 1) };
}

/** GlobalAveragePool and GlobalMaxPool. */
export function globalPool(at: NodeAtHand): Symbol {
  const input = at.net.map(at.computed(0), at.fail);
  if (input.padding !== undefined) throw at.fail(`'${input.name}' is padded`);
  if (at.node.op === "GlobalMaxPool") {
    const [height, width] = input.shape as [number, number, number];
    const window = { kernel: [height, width], stride: [1, 1], padding: allSides(0) } as const;
    return at.net.value({ kind: "max-pool", input: input.id, ...window }, at.name, at.fail);
  }
  return pooledAll(at, input);
}

function pooledAll(at: NodeAtHand, { id, layout: [batch, channels] }: Computed): Symbol {
  const layout = [batch!, channels!, [], []];
  return at.net.value({ kind: "global-average-pool", input: id }, at.name, at.fail, layout);
}

/** Pad: rows and columns of zeros for whoever reads them, or channels of zeros. */
export function pad(at: NodeAtHand): Symbol {
  const input = at.computed(0);
  const mode = at.text("mode", "constant");
  const filler = at.opset < 11 ? at.number("value", 0) : (at.constant(2)?.values[0] ?? 0);
  const pads = at.listed("pads", 1);
  if (pads === undefined) throw at.fail("it does not say how much it pads");
  const axes = at.constant(3)?.values ?? input.layout.map((_, axis) => axis);
  if (pads.length !== 2 * axes.length)
    throw at.fail(`it has ${pads.length} numbers for ${axes.length} axes`);
  const [before, after] = [new Map<number, number>(), new Map<number, number>()];
  for (const [i, axis] of axes.entries()) {
    const index = axis < 0 ? axis + input.layout.length : axis;
    if (pads[i] !== 0) before.set(index, pads[i]!);
    if (pads[i + axes.length] !== 0) after.set(index, pads[i + axes.length]!);
  }
  const touched = [...before.keys(), ...after.keys()];
  if (touched.length === 0) return { ...input, name: at.name };
  if (mode !== "constant" || filler !== 0) {
    throw at.fail(
      `it pads with ${mode === "constant" ? filler : `'${mode}'`}, and Scour pads with zeros`,
    );
  }
  const map = at.net.map(input, at.fail);
  if (touched.every((axis) => axis === 1) && map.padding === undefined) {
    return at.net.value(
      { kind: "pad-channels", input: map.id, before: before.get(1) ?? 0, after: after.get(1) ?? 0 },
      at.name,
      at.fail,
    );
  }
  if (touched.some((axis) => axis < 2)) throw at.fail("it pads channels and positions at once");
  const sides = {
    top: before.get(2) ?? 0,
    left: before.get(3) ?? 0,
    bottom: after.get(2) ?? 0,
    right: after.get(3) ?? 0,
  };
  return { ...map, name: at.name, padding: plus(sides, map.padding) };
}
