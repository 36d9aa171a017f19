import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import type { HostMemory } from "./host-memory.ts";
import type { ConvGeometry } from "./kernels.ts";

type Shape4D = [number, number, number, number];

/**
 * The gradient of a convolution with respect to its input, as a forward convolution of `dy`: the
 * backends' own kernels for it are eight times slower than their forward convolution.
 *
 * For stride s, input position s·i + a receives dy[i + (a + p − k)/s]·W[k] for the taps k that make
 * the quotient whole. So each of the s² phases (a, b) is a small dense convolution of dy; they run
 * as one with s²·Ci output channels and are then interleaved (depth to space). Stride 1 is the
 * known case: one phase, flipped weights.
 *
 * @param weight `[k, k, Ci, Co]`
 * @param inputShape `[N, H, W, Ci]` of the gradient wanted
 */
export function inputGradientByConvolution(
  memory: HostMemory,
  dy: Tensor4D,
  weight: Tensor4D,
  inputShape: Shape4D,
  { stride, padding }: ConvGeometry,
): Tensor4D {
  const [n, height, width, channelsIn] = inputShape;
  const kernel = weight.shape[0];
  const taps = phaseTaps(kernel, stride, padding);
  const rows = Math.ceil(height / stride);
  const columns = Math.ceil(width / stride);
  const [, dyHeight, dyWidth] = dy.shape;
  // Output row i reads dy rows i + first … i + first + count − 1.
  const before = -taps.first;
  const after = (extent: number, dyExtent: number): number =>
    extent - 1 + taps.first + taps.count - dyExtent;
  const afterRows = after(rows, dyHeight);
  const afterColumns = after(columns, dyWidth);

  return tf.tidy(() => {
    const phases = phaseWeights(memory, weight, stride, padding, taps);
    const cropTop = Math.max(0, -before);
    // With taps that never reach the first rows of dy, or that leave its last ones unread, crop.
    const source =
      cropTop > 0 || afterRows < 0 || afterColumns < 0
        ? tf.slice(
            dy,
            [0, cropTop, cropTop, 0],
            [
              n,
              dyHeight - cropTop + Math.min(0, afterRows),
              dyWidth - cropTop + Math.min(0, afterColumns),
              dy.shape[3],
            ],
          )
        : dy;
    const top = Math.max(0, before);
    const mixed = tf.conv2d(source, phases, 1, [
      [0, 0],
      [top, Math.max(0, afterRows)],
      [top, Math.max(0, afterColumns)],
      [0, 0],
    ]);
    if (stride === 1) return mixed;
    return interleave(memory, mixed, stride, [n, height, width, channelsIn]);
  });
}

interface PhaseTaps {
  /** Smallest offset (a + p − k)/s that occurs. */
  readonly first: number;
  /** Number of offsets from the smallest to the largest. */
  readonly count: number;
}

function phaseTaps(kernel: number, stride: number, padding: number): PhaseTaps {
  let first = Infinity;
  let last = -Infinity;
  for (let phase = 0; phase < stride; phase++) {
    for (let k = 0; k < kernel; k++) {
      const offset = (phase + padding - k) / stride;
      if (!Number.isInteger(offset)) continue;
      first = Math.min(first, offset);
      last = Math.max(last, offset);
    }
  }
  return { first, count: last - first + 1 };
}

/** `[k, k, Ci, Co]` → `[count, count, Co, s²·Ci]`, zero where a phase has no tap. */
function phaseWeights(
  memory: HostMemory,
  weight: Tensor4D,
  stride: number,
  padding: number,
  { first, count }: PhaseTaps,
): Tensor4D {
  const [kernel, , channelsIn, channelsOut] = weight.shape;
  const depth = stride * stride * channelsIn;
  const phases = new Float32Array(count * count * channelsOut * depth);
  const source = memory.view(weight);
  for (let a = 0; a < stride; a++) {
    for (let ky = 0; ky < kernel; ky++) {
      const y = (a + padding - ky) / stride - first;
      if (!Number.isInteger(y)) continue;
      for (let b = 0; b < stride; b++) {
        for (let kx = 0; kx < kernel; kx++) {
          const x = (b + padding - kx) / stride - first;
          if (!Number.isInteger(x)) continue;
          const from = (ky * kernel + kx) * channelsIn * channelsOut;
          const to = (y * count + x) * channelsOut * depth + (a * stride + b) * channelsIn;
          for (let ci = 0; ci < channelsIn; ci++) {
            for (let co = 0; co < channelsOut; co++) {
              phases[to + co * depth + ci] = source[from + ci * channelsOut + co]!;
            }
          }
        }
      }
    }
  }
  return tf.tensor4d(phases, [count, count, channelsOut, depth]);
}

/** `[N, I, J, s²·C]` → `[N, H, W, C]` with H ≤ s·I and W ≤ s·J. */
function interleave(memory: HostMemory, mixed: Tensor4D, stride: number, shape: Shape4D): Tensor4D {
  const [n, height, width, channels] = shape;
  const [, rows, columns, depth] = mixed.shape;
  const output = memory.empty<tf.Rank.R4>(shape);
  const from = memory.view(mixed);
  const to = memory.view(output);
  let target = 0;
  for (let image = 0; image < n; image++) {
    for (let y = 0; y < height; y++) {
      const row = (image * rows + Math.floor(y / stride)) * columns * depth;
      const phaseRow = (y % stride) * stride * channels;
      for (let x = 0; x < width; x++) {
        let source = row + Math.floor(x / stride) * depth + phaseRow + (x % stride) * channels;
        for (let c = 0; c < channels; c++) to[target++] = from[source++]!;
      }
    }
  }
  return output;
}
