/**
 * The loops of training-mode batch norm over row-major `[rows, channels]` memory, each a single
 * pass, with sums in float64.
 */

/** Mean and biased variance of each channel. */
export function channelMoments(x: Float32Array, mean: Float32Array, variance: Float32Array): void {
  const channels = mean.length;
  const rows = x.length / channels;
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  for (let base = 0; base < x.length; base += channels) {
    for (let c = 0; c < channels; c++) {
      const value = x[base + c]!;
      sums[c]! += value;
      squares[c]! += value * value;
    }
  }
  for (let c = 0; c < channels; c++) {
    const m = sums[c]! / rows;
    mean[c] = m;
    variance[c] = Math.max(0, squares[c]! / rows - m * m);
  }
}

/**
 * y = x·scale + shift, plus the addend if any, rectified if asked; `y` may be `x`.
 * The rectifier lets NaN through, so that a diverged student is seen.
 */
export function channelAffine(
  x: Float32Array,
  scale: Float64Array,
  shift: Float64Array,
  addend: Float32Array | undefined,
  relu: boolean,
  y: Float32Array,
): void {
  const channels = scale.length;
  const floor = relu ? 0 : -Infinity;
  if (addend) {
    for (let base = 0; base < x.length; base += channels) {
      for (let c = 0; c < channels; c++) {
        const value = x[base + c]! * scale[c]! + shift[c]! + addend[base + c]!;
        y[base + c] = value < floor ? floor : value;
      }
    }
    return;
  }
  for (let base = 0; base < x.length; base += channels) {
    for (let c = 0; c < channels; c++) {
      const value = x[base + c]! * scale[c]! + shift[c]!;
      y[base + c] = value < floor ? floor : value;
    }
  }
}

/**
 * Masks `g` in place by y > 0 if a mask is given, and sums g and g·x per channel.
 */
export function maskedSums(
  g: Float32Array,
  x: Float32Array,
  mask: Float32Array | undefined,
  sums: Float64Array,
  products: Float64Array,
): void {
  const channels = sums.length;
  for (let base = 0; base < g.length; base += channels) {
    for (let c = 0; c < channels; c++) {
      let value = g[base + c]!;
      if (mask && !(mask[base + c]! > 0)) {
        value = 0;
        g[base + c] = 0;
      }
      sums[c]! += value;
      products[c]! += value * x[base + c]!;
    }
  }
}

/** out = g·a + x·b + c per channel; `out` may be `g`. */
export function channelCombine(
  g: Float32Array,
  x: Float32Array,
  a: Float64Array,
  b: Float64Array,
  c: Float64Array,
  out: Float32Array,
): void {
  const channels = a.length;
  for (let base = 0; base < g.length; base += channels) {
    for (let k = 0; k < channels; k++) {
      out[base + k] = g[base + k]! * a[k]! + x[base + k]! * b[k]! + c[k]!;
    }
  }
}

/** What `normGradientCoefficients` reads and writes, each `[channels]`. */
export interface NormGradientVectors {
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  readonly scale: Float32Array;
  readonly dScale: Float32Array;
  readonly dShift: Float32Array;
  /** dx = g·a + x·b + d */
  readonly a: Float32Array | Float64Array;
  readonly b: Float32Array | Float64Array;
  readonly d: Float32Array | Float64Array;
}

/**
 * Turns Σg and Σg·x into the gradients of scale and shift and the coefficients of dx:
 * dx = γ·r·(g − Σg/n − x̂·Σ(g·x̂)/n) with x̂ = (x − mean)·r (Ioffe and Szegedy 2015, section 3).
 */
export function normGradientCoefficients(
  sums: Float64Array,
  products: Float64Array,
  rows: number,
  epsilon: number,
  vectors: NormGradientVectors,
): void {
  const { mean, variance, scale, dScale, dShift, a, b, d } = vectors;
  for (let c = 0; c < sums.length; c++) {
    const reciprocal = 1 / Math.sqrt(variance[c]! + epsilon);
    const dot = (products[c]! - mean[c]! * sums[c]!) * reciprocal;
    const gain = scale[c]! * reciprocal;
    const slope = (-gain * reciprocal * dot) / rows;
    dScale[c] = dot;
    dShift[c] = sums[c]!;
    a[c] = gain;
    b[c] = slope;
    d[c] = (-gain * sums[c]!) / rows - slope * mean[c]!;
  }
}
