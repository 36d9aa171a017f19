import type { Conv2dOperation } from "../../../../protocol/model/graph.ts";
import type { ReferenceActivation } from "./reference-activations.ts";

/**
 * Operations and their gradients in float64, written as their definitions read: no blocking, no
 * fusion, nothing shared with an engine.
 */

/** Values `[N, H, W, C]` or `[N, C]`, row-major. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

export function zeros(shape: readonly number[]): Tensor {
  return { shape, values: new Float64Array(shape.reduce((size, extent) => size * extent, 1)) };
}

type Shape4D = [number, number, number, number];

/** Calls `visit(x, weight, y)` with the three flat indices of every product of a convolution. */
function eachProduct(
  xShape: readonly number[],
  weightShape: readonly number[],
  yShape: readonly number[],
  { stride, padding, dilation, groups }: Conv2dOperation,
  visit: (x: number, weight: number, y: number) => void,
): void {
  const [, height, width, channelsIn] = xShape as Shape4D;
  const [images, rows, columns, channelsOut] = yShape as Shape4D;
  const [, groupIn, kernelHeight, kernelWidth] = weightShape as Shape4D;
  const groupOut = channelsOut / groups;
  for (let n = 0; n < images; n++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        for (let out = 0; out < channelsOut; out++) {
          const y = ((n * rows + row) * columns + column) * channelsOut + out;
          const firstIn = Math.floor(out / groupOut) * groupIn;
          for (let ky = 0; ky < kernelHeight; ky++) {
            const iy = row * stride[0] + ky * dilation[0] - padding.top;
            if (iy < 0 || iy >= height) continue;
            for (let kx = 0; kx < kernelWidth; kx++) {
              const ix = column * stride[1] + kx * dilation[1] - padding.left;
              if (ix < 0 || ix >= width) continue;
              const x = ((n * height + iy) * width + ix) * channelsIn + firstIn;
              for (let c = 0; c < groupIn; c++) {
                const weight = ((out * groupIn + c) * kernelHeight + ky) * kernelWidth + kx;
                visit(x + c, weight, y);
              }
            }
          }
        }
      }
    }
  }
}

/** `x [N,H,W,in]` ∗ `weight [out,in/groups,kh,kw]` → `[N,Ho,Wo,out]`. */
export function convolve(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  operation: Conv2dOperation,
): Tensor {
  const { stride, padding, dilation } = operation;
  const { top, bottom, left, right } = padding;
  const [n, height, width] = x.shape as Shape4D;
  const [out, , kernelHeight, kernelWidth] = weight.shape as Shape4D;
  const y = zeros([
    n,
    Math.floor((height + top + bottom - dilation[0] * (kernelHeight - 1) - 1) / stride[0]) + 1,
    Math.floor((width + left + right - dilation[1] * (kernelWidth - 1) - 1) / stride[1]) + 1,
    out,
  ]);
  if (bias) y.values.forEach((_, i) => (y.values[i] = bias.values[i % out]!));
  eachProduct(x.shape, weight.shape, y.shape, operation, (i, w, o) => {
    y.values[o]! += x.values[i]! * weight.values[w]!;
  });
  return y;
}

export function convolveBackward(
  dy: Tensor,
  x: Tensor,
  weight: Tensor,
  operation: Conv2dOperation,
): { dx: Tensor; dWeight: Tensor; dBias: Tensor } {
  const out = weight.shape[0]!;
  const dx = zeros(x.shape);
  const dWeight = zeros(weight.shape);
  const dBias = zeros([out]);
  dy.values.forEach((d, i) => (dBias.values[i % out]! += d));
  eachProduct(x.shape, weight.shape, dy.shape, operation, (i, w, o) => {
    dx.values[i]! += dy.values[o]! * weight.values[w]!;
    dWeight.values[w]! += dy.values[o]! * x.values[i]!;
  });
  return { dx, dWeight, dBias };
}

/** Moments of each channel over one norm group. */
export interface Moments {
  readonly mean: Float64Array;
  /** Biased. */
  readonly variance: Float64Array;
  /** Values each was taken over. */
  readonly count: number;
}

/** `x` cut into runs of `groupSize` images, as views. */
function normGroups(x: Tensor, groupSize: number): Float64Array[] {
  const length = (x.values.length / x.shape[0]!) * groupSize;
  const count = x.shape[0]! / groupSize;
  return Array.from({ length: count }, (_, g) => x.values.subarray(g * length, (g + 1) * length));
}

/**
 * Moments group by group, each over the first `clean` of `groupSize` consecutive images: the rest
 * are copies.
 */
export function normMoments(x: Tensor, groupSize: number, clean: number): Moments[] {
  const channels = x.shape.at(-1)!;
  return normGroups(x, groupSize).map((group) => {
    const values = group.subarray(0, (group.length / groupSize) * clean);
    const count = values.length / channels;
    const mean = new Float64Array(channels);
    const variance = new Float64Array(channels);
    values.forEach((value, i) => (mean[i % channels]! += value / count));
    values.forEach((value, i) => (variance[i % channels]! += (value - mean[i % channels]!) ** 2));
    return { mean, variance: variance.map((sum) => sum / count), count };
  });
}

export interface NormInput {
  readonly x: Tensor;
  readonly scale: Tensor;
  readonly shift: Tensor;
  readonly epsilon: number;
}

/** (x − mean)/√(variance + ε)·scale + shift, group by group. */
export function normalise(
  { x, scale, shift, epsilon }: NormInput,
  moments: readonly Moments[],
): Tensor {
  const channels = x.shape.at(-1)!;
  const length = x.values.length / moments.length;
  const values = x.values.map((value, i) => {
    const { mean, variance } = moments[Math.floor(i / length)]!;
    const c = i % channels;
    const normal = (value - mean[c]!) / Math.sqrt(variance[c]! + epsilon);
    return normal * scale.values[c]! + shift.values[c]!;
  });
  return { shape: x.shape, values };
}

/** Gradients of `normalise` where the moments are those of x itself: of each group's first values. */
export function normaliseBackward(
  dy: Tensor,
  { x, scale, shift, epsilon }: NormInput,
  moments: readonly Moments[],
): { dx: Tensor; dScale: Tensor; dShift: Tensor } {
  const channels = x.shape.at(-1)!;
  const length = x.values.length / moments.length;
  const dx = zeros(x.shape);
  const dScale = zeros(scale.shape);
  const dShift = zeros(shift.shape);
  moments.forEach(({ mean, variance, count }, group) => {
    const sumDy = new Float64Array(channels);
    const sumDyNormal = new Float64Array(channels);
    const normal = (i: number): number =>
      (x.values[i]! - mean[i % channels]!) / Math.sqrt(variance[i % channels]! + epsilon);
    for (let i = group * length; i < (group + 1) * length; i++) {
      sumDy[i % channels]! += dy.values[i]!;
      sumDyNormal[i % channels]! += dy.values[i]! * normal(i);
    }
    for (let i = group * length; i < (group + 1) * length; i++) {
      const c = i % channels;
      const isCounted = i - group * length < count * channels;
      const byMoments = isCounted ? (sumDy[c]! + normal(i) * sumDyNormal[c]!) / count : 0;
      dx.values[i] =
        (scale.values[c]! / Math.sqrt(variance[c]! + epsilon)) * (dy.values[i]! - byMoments);
    }
    for (let c = 0; c < channels; c++) {
      dShift.values[c]! += sumDy[c]!;
      dScale.values[c]! += sumDyNormal[c]!;
    }
  });
  return { dx, dScale, dShift };
}

/** Gradient of `normalise` by x where the moments are given. */
export function normaliseBackwardToInput(
  dy: Tensor,
  { scale, epsilon }: NormInput,
  { variance }: Moments,
): Tensor {
  const channels = dy.shape.at(-1)!;
  const values = dy.values.map((d, i) => {
    const c = i % channels;
    return (d * scale.values[c]!) / Math.sqrt(variance[c]! + epsilon);
  });
  return { shape: dy.shape, values };
}

export function activate(x: Tensor, { value }: ReferenceActivation): Tensor {
  return { shape: x.shape, values: x.values.map(value) };
}

export function activateBackward(
  dy: Tensor,
  x: Tensor,
  { derivative }: ReferenceActivation,
): Tensor {
  return { shape: x.shape, values: dy.values.map((d, i) => d * derivative(x.values[i]!)) };
}

export function add(a: Tensor, b: Tensor): Tensor {
  return { shape: a.shape, values: a.values.map((value, i) => value + b.values[i]!) };
}

/** `[N,H,W,C]` or `[N,T,C]` → `[N,C]`. */
export function averagePool(x: Tensor): Tensor {
  const [n, channels] = [x.shape[0]!, x.shape.at(-1)!];
  const y = zeros([n, channels]);
  const area = x.values.length / (n * channels);
  x.values.forEach((value, i) => {
    y.values[Math.floor(i / (area * channels)) * channels + (i % channels)]! += value / area;
  });
  return y;
}

export function averagePoolBackward(dy: Tensor, shape: readonly number[]): Tensor {
  const channels = shape.at(-1)!;
  const dx = zeros(shape);
  const area = dx.values.length / (shape[0]! * channels);
  dx.values.forEach((_, i) => {
    const pooled = Math.floor(i / (area * channels)) * channels + (i % channels);
    dx.values[i] = dy.values[pooled]! / area;
  });
  return dx;
}

/** x·Wᵀ + b with `x [N,…,in]`, `W [out,in]`. */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | undefined): Tensor {
  const [channelsOut, channelsIn] = weight.shape as [number, number];
  const y = zeros([...x.shape.slice(0, -1), channelsOut]);
  y.values.forEach((_, i) => {
    const row = Math.floor(i / channelsOut) * channelsIn;
    const out = i % channelsOut;
    let sum = bias?.values[out] ?? 0;
    for (let c = 0; c < channelsIn; c++) {
      sum += x.values[row + c]! * weight.values[out * channelsIn + c]!;
    }
    y.values[i] = sum;
  });
  return y;
}

export function linearBackward(
  dy: Tensor,
  x: Tensor,
  weight: Tensor,
): { dx: Tensor; dWeight: Tensor; dBias: Tensor } {
  const [channelsOut, channelsIn] = weight.shape as [number, number];
  const dx = zeros(x.shape);
  const dWeight = zeros(weight.shape);
  const dBias = zeros([channelsOut]);
  dy.values.forEach((d, i) => {
    const row = Math.floor(i / channelsOut) * channelsIn;
    const out = i % channelsOut;
    dBias.values[out]! += d;
    for (let c = 0; c < channelsIn; c++) {
      dx.values[row + c]! += d * weight.values[out * channelsIn + c]!;
      dWeight.values[out * channelsIn + c]! += d * x.values[row + c]!;
    }
  });
  return { dx, dWeight, dBias };
}
