import { zeros, type Tensor } from "./reference-operations.ts";

/** What moves values, or meets them channel by channel; and the gradients, in float64. */

/** Where each value of an output comes from; −1: nowhere, it is 0. */
export interface Move {
  readonly shape: readonly number[];
  from(index: number): number;
}

export function moved(x: Tensor, move: Move): Tensor {
  const y = zeros(move.shape);
  y.values.forEach((_, i) => {
    const from = move.from(i);
    y.values[i] = from < 0 ? 0 : x.values[from]!;
  });
  return y;
}

export function movedBack(dy: Tensor, shape: readonly number[], move: Move): Tensor {
  const dx = zeros(shape);
  dy.values.forEach((d, i) => {
    const from = move.from(i);
    if (from >= 0) dx.values[from]! += d;
  });
  return dx;
}

/** Channel c of the output is channel c + shift. */
export function shiftChannels(shape: readonly number[], channels: number, shift: number): Move {
  const before = shape.at(-1)!;
  return {
    shape: [...shape.slice(0, -1), channels],
    from(index) {
      const channel = (index % channels) + shift;
      const row = Math.floor(index / channels);
      return channel < 0 || channel >= before ? -1 : row * before + channel;
    },
  };
}

/** PyTorch's `channel_shuffle`. */
export function shuffleChannels(shape: readonly number[], groups: number): Move {
  const channels = shape.at(-1)!;
  return {
    shape,
    from(index) {
      const channel = index % channels;
      const from = (channel % groups) * (channels / groups) + Math.floor(channel / groups);
      return index - channel + from;
    },
  };
}

export function flatten(shape: readonly number[], order: "channels-first" | "channels-last"): Move {
  const [n, height, width, channels] = shape as [number, number, number, number];
  const area = height * width;
  return {
    shape: [n, area * channels],
    from(index) {
      if (order === "channels-last") return index;
      const image = Math.floor(index / (area * channels));
      const channel = Math.floor(index / area) % channels;
      return (image * area + (index % area)) * channels + channel;
    },
  };
}

/** Joins along an axis, counted without the images. */
export function concat(xs: readonly Tensor[], axis: "channels" | "tokens"): Tensor {
  const [first] = xs as [Tensor];
  const at = axis === "channels" ? first.shape.length - 1 : 1;
  const shape = [...first.shape];
  shape[at] = xs.reduce((sum, x) => sum + x.shape[at]!, 0);
  const inner = (of: readonly number[]): number => of.slice(at).reduce((a, b) => a * b, 1);
  const y = zeros(shape);
  let start = 0;
  for (const x of xs) {
    const run = inner(x.shape);
    x.values.forEach((value, i) => {
      y.values[Math.floor(i / run) * inner(shape) + start + (i % run)] = value;
    });
    start += run;
  }
  return y;
}

export function concatBackward(
  dy: Tensor,
  shapes: readonly (readonly number[])[],
  axis: "channels" | "tokens",
): Tensor[] {
  const at = axis === "channels" ? dy.shape.length - 1 : 1;
  const inner = (of: readonly number[]): number => of.slice(at).reduce((a, b) => a * b, 1);
  let start = 0;
  return shapes.map((shape) => {
    const dx = zeros(shape);
    const run = inner(shape);
    dx.values.forEach((_, i) => {
      dx.values[i] = dy.values[Math.floor(i / run) * inner(dy.shape) + start + (i % run)]!;
    });
    start += run;
    return dx;
  });
}

/** Where a value of one value a channel stands for that of a map, or of another of its shape. */
function besides(shape: readonly number[], other: readonly number[], index: number): number {
  const channels = shape.at(-1)!;
  const size = shape.reduce((a, b) => a * b, 1);
  if (size === other.reduce((a, b) => a * b, 1)) return index;
  const image = Math.floor(index / (size / shape[0]!));
  return image * channels + (index % channels);
}

/** a + b or a·b, b of the shape of a or one value a channel. */
export function joined(a: Tensor, b: Tensor, join: (a: number, b: number) => number): Tensor {
  const values = a.values.map((value, i) => join(value, b.values[besides(a.shape, b.shape, i)]!));
  return { shape: a.shape, values };
}

/** Σ of dy·`slope` over what each value of b was joined with. */
export function joinedBackward(
  dy: Tensor,
  shape: readonly number[],
  slope: (index: number) => number,
): Tensor {
  const db = zeros(shape);
  dy.values.forEach((d, i) => {
    db.values[besides(dy.shape, shape, i)]! += d * slope(i);
  });
  return db;
}

export function scale(x: Tensor, factor: Tensor): Tensor {
  const channels = x.shape.at(-1)!;
  return { shape: x.shape, values: x.values.map((v, i) => v * factor.values[i % channels]!) };
}

export function scaleBackward(
  dy: Tensor,
  x: Tensor,
  factor: Tensor,
): { dx: Tensor; dFactor: Tensor } {
  const channels = x.shape.at(-1)!;
  const dFactor = zeros(factor.shape);
  dy.values.forEach((d, i) => (dFactor.values[i % channels]! += d * x.values[i]!));
  return { dx: scale(dy, factor), dFactor };
}
