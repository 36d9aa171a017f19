/**
 * Float64 references, written for clarity: forward passes only. Gradients come from central
 * differences of these, so they share no derivation with the code under test.
 */

export type Shape4D = [number, number, number, number];

export interface ConvSize {
  readonly n: number;
  readonly height: number;
  readonly width: number;
  readonly channelsIn: number;
  readonly channelsOut: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

export function outputExtent(extent: number, { kernel, stride, padding }: ConvSize): number {
  return Math.floor((extent + 2 * padding - kernel) / stride) + 1;
}

/** x `[N,H,W,Ci]`, weight `[k,k,Ci,Co]` → `[N,Ho,Wo,Co]`. */
export function convolve(x: Float64Array, weight: Float64Array, size: ConvSize): Float64Array {
  const { n, height, width, channelsIn, channelsOut, kernel, stride, padding } = size;
  const rows = outputExtent(height, size);
  const columns = outputExtent(width, size);
  const y = new Float64Array(n * rows * columns * channelsOut);
  let out = 0;
  for (let image = 0; image < n; image++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        for (let co = 0; co < channelsOut; co++, out++) {
          for (let ky = 0; ky < kernel; ky++) {
            const iy = row * stride + ky - padding;
            if (iy < 0 || iy >= height) continue;
            for (let kx = 0; kx < kernel; kx++) {
              const ix = column * stride + kx - padding;
              if (ix < 0 || ix >= width) continue;
              for (let ci = 0; ci < channelsIn; ci++) {
                y[out]! +=
                  x[((image * height + iy) * width + ix) * channelsIn + ci]! *
                  weight[((ky * kernel + kx) * channelsIn + ci) * channelsOut + co]!;
              }
            }
          }
        }
      }
    }
  }
  return y;
}

/** relu(norm(x) + addend) over rows of channels, normalised by the biased variance. */
export function normalise(
  x: Float64Array,
  scale: Float64Array,
  shift: Float64Array,
  addend: Float64Array | undefined,
  relu: boolean,
  epsilon: number,
): { y: Float64Array; mean: Float64Array; variance: Float64Array } {
  const channels = scale.length;
  const rows = x.length / channels;
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  x.forEach((value, i) => (mean[i % channels]! += value / rows));
  x.forEach((value, i) => (variance[i % channels]! += (value - mean[i % channels]!) ** 2 / rows));
  const y = x.map((value, i) => {
    const c = i % channels;
    const normalised = (value - mean[c]!) / Math.sqrt(variance[c]! + epsilon);
    const sum = normalised * scale[c]! + shift[c]! + (addend?.[i] ?? 0);
    return relu ? Math.max(0, sum) : sum;
  });
  return { y, mean, variance };
}

function softmax(row: Float64Array): Float64Array {
  const largest = Math.max(...row);
  const powers = row.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / sum);
}

/** Mean over rows of KL(softmax(target/T) ‖ softmax(student/T)). */
export function distillationLoss(
  student: Float64Array,
  target: Float64Array,
  classes: number,
  temperature: number,
): number {
  const rows = student.length / classes;
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const part = (logits: Float64Array): Float64Array =>
      softmax(logits.slice(row * classes, (row + 1) * classes).map((v) => v / temperature));
    const p = part(target);
    const q = part(student);
    p.forEach((share, k) => (loss += (share * Math.log(share / q[k]!)) / rows));
  }
  return loss;
}

/** Central differences of a scalar function at x. */
export function numericGradient(
  f: (x: Float64Array) => number,
  x: Float64Array,
  step = 1e-5,
): Float64Array {
  const point = x.slice();
  return x.map((value, i) => {
    point[i] = value + step;
    const above = f(point);
    point[i] = value - step;
    const below = f(point);
    point[i] = value;
    return (above - below) / (2 * step);
  });
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Numbers in (−2, 2), rounded to float32, from a seed (a Weyl sequence through a sine). */
export function noise(length: number, seed: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => {
    const wave = Math.sin(seed * 12.9898 + (i + 1) * 78.233) * 43758.5453;
    return Math.fround(4 * (wave - Math.floor(wave)) - 2);
  });
}
