import * as tf from "@tensorflow/tfjs-core";
import type { Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { Kernels } from "../../../client/engine/tfjs/kernels.ts";
import { KERNEL_SETS, openKernels } from "./kernel-sets.ts";
import {
  convolve,
  distillationLoss,
  dot,
  noise,
  normalise,
  numericGradient,
  outputExtent,
  type ConvSize,
  type Shape4D,
} from "./reference.ts";

const EPSILON = 1e-5;

/** Ragged and even sizes, both kernels of a residual block and both strides, with tails of SIMD. */
const convSizes: fc.Arbitrary<ConvSize> = fc
  .record({
    n: fc.integer({ min: 1, max: 3 }),
    height: fc.integer({ min: 1, max: 9 }),
    width: fc.integer({ min: 1, max: 9 }),
    channelsIn: fc.constantFrom(1, 2, 3, 4, 5, 8),
    channelsOut: fc.constantFrom(1, 3, 4, 7, 8, 12),
    stride: fc.constantFrom(1, 2),
    // Padding a 1×1 convolution would only read zeros; no network does.
    window: fc.constantFrom([1, 0] as const, [3, 0] as const, [3, 1] as const),
  })
  .map(({ window: [kernel, padding], n, height, width, channelsIn, channelsOut, stride }) => {
    return { n, height, width, channelsIn, channelsOut, kernel, stride, padding };
  })
  .filter(
    (size) =>
      size.height + 2 * size.padding >= size.kernel && size.width + 2 * size.padding >= size.kernel,
  );

const normSizes = fc.record({
  shape: fc.tuple(
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 2, max: 4 }),
    fc.constantFrom(1, 3, 4, 6, 8),
  ),
  relu: fc.boolean(),
  addend: fc.boolean(),
});

function rectify(value: number): number {
  return Math.max(0, value);
}

const RUNS = { numRuns: 25, seed: 20261122 };

function closeTo(actual: tf.Tensor, expected: ArrayLike<number>, tolerance = 2e-5): void {
  const values = actual.dataSync();
  expect(values.length).toBe(expected.length);
  const scale = Math.sqrt(dot(expected, expected) / expected.length) + 1e-3;
  for (let i = 0; i < values.length; i++) {
    expect(Math.abs(values[i]! - expected[i]!)).toBeLessThan(
      tolerance * (scale + Math.abs(expected[i]!)),
    );
  }
}

function tensor<T extends tf.Tensor>(values: Float64Array, shape: number[]): T {
  return tf.tensor(Float32Array.from(values), shape, "float32") as T;
}

/** Runs a body that may only make tensors tfjs can find again at its end. */
function withoutLeaks(body: () => void): void {
  const before = tf.memory().numTensors;
  tf.tidy(body);
  expect(tf.memory().numTensors).toBe(before);
}

describe.each(KERNEL_SETS)("%s", (set) => {
  let kernels: Kernels;
  beforeAll(async () => {
    kernels = await openKernels(set);
  });

  it("convolves as the definition says, forward and for both gradients", () => {
    fc.assert(
      fc.property(convSizes, fc.integer({ min: 1, max: 1000 }), (size, seed) => {
        withoutLeaks(() => {
          const { n, height, width, channelsIn, channelsOut, kernel } = size;
          const rows = outputExtent(height, size);
          const columns = outputExtent(width, size);
          const inputShape: Shape4D = [n, height, width, channelsIn];
          const filterShape: Shape4D = [kernel, kernel, channelsIn, channelsOut];
          const x = noise(n * height * width * channelsIn, seed);
          const w = noise(kernel * kernel * channelsIn * channelsOut, seed + 1);
          const dy = noise(n * rows * columns * channelsOut, seed + 2);
          const tx = tensor<Tensor4D>(x, inputShape);
          const tw = tensor<Tensor4D>(w, filterShape);
          const tdy = tensor<Tensor4D>(dy, [n, rows, columns, channelsOut]);

          closeTo(kernels.convolve(tx, tw, size), convolve(x, w, size));
          closeTo(
            kernels.convolveInputGradient(tdy, tw, inputShape, size),
            numericGradient((at) => dot(convolve(at, w, size), dy), x, 1),
          );
          closeTo(
            kernels.convolveFilterGradient(tx, tdy, filterShape, size),
            numericGradient((at) => dot(convolve(x, at, size), dy), w, 1),
          );
        });
      }),
      RUNS,
    );
  });

  it("adds bias and rectifies after a convolution", () => {
    const size = { n: 2, height: 5, width: 4, channelsIn: 3, channelsOut: 6, kernel: 3 };
    const geometry = { stride: 1, padding: 1 };
    const x = noise(2 * 5 * 4 * 3, 1);
    const w = noise(9 * 3 * 6, 2);
    const bias = noise(6, 3);
    const plain = convolve(x, w, { ...size, ...geometry }).map((v, i) => v + bias[i % 6]!);
    withoutLeaks(() => {
      const tx = tensor<Tensor4D>(x, [2, 5, 4, 3]);
      const tw = tensor<Tensor4D>(w, [3, 3, 3, 6]);
      const tb = tensor<Tensor1D>(bias, [6]);
      closeTo(kernels.convolveWithBias(tx, tw, tb, geometry, false), plain);
      closeTo(
        kernels.convolveWithBias(tx, tw, tb, geometry, true),
        plain.map((v) => Math.max(0, v)),
      );
    });
  });

  it("normalises batches with addend and rectifier, forward and backward", () => {
    fc.assert(
      fc.property(normSizes, fc.integer({ min: 1, max: 1000 }), ({ shape, relu, addend }, seed) => {
        withoutLeaks(() => {
          const channels = shape[3];
          const length = shape.reduce((a, b) => a * b, 1);
          const x = noise(length, seed);
          const scale = noise(channels, seed + 1);
          const shift = noise(channels, seed + 2);
          const extra = addend ? noise(length, seed + 3) : undefined;
          const dy = noise(length, seed + 4);
          const tx = tensor<Tensor4D>(x, shape);
          const tScale = tensor<Tensor1D>(scale, [channels]);
          const expected = normalise(x, scale, shift, extra, relu, EPSILON);
          const { y, moments } = kernels.normForward({
            x: tx,
            scale: tScale,
            shift: tensor<Tensor1D>(shift, [channels]),
            epsilon: EPSILON,
            addend: extra && tensor<Tensor4D>(extra, shape),
            relu,
          });
          closeTo(y, expected.y);
          closeTo(moments.mean, expected.mean);
          closeTo(moments.variance, expected.variance);

          const back = kernels.normBackward({
            dy: tensor<Tensor4D>(dy, shape),
            x: tx,
            y,
            scale: tScale,
            moments,
            epsilon: EPSILON,
            relu,
            addend,
          });
          const loss = (
            at: Float64Array,
            gain: Float64Array,
            bias: Float64Array,
            sum: Float64Array | undefined,
          ): number => dot(normalise(at, gain, bias, sum, relu, EPSILON).y, dy);
          const loose = 2e-4;
          closeTo(
            back.dx,
            numericGradient((at) => loss(at, scale, shift, extra), x),
            loose,
          );
          closeTo(
            back.dScale,
            numericGradient((at) => loss(x, at, shift, extra), scale),
            loose,
          );
          closeTo(
            back.dShift,
            numericGradient((at) => loss(x, scale, at, extra), shift),
            loose,
          );
          if (extra) {
            const truth = numericGradient((at) => loss(x, scale, shift, at), extra);
            closeTo(back.dAddend!, truth, loose);
          } else {
            expect(back.dAddend).toBeUndefined();
          }
        });
      }),
      RUNS,
    );
  });

  it("advances running statistics with the unbiased variance", () => {
    withoutLeaks(() => {
      const { mean, variance } = kernels.advanceStatistics(
        { mean: tf.tensor1d([1, -2]), variance: tf.tensor1d([4, 0.5]) },
        { mean: tf.tensor1d([3, 2]), variance: tf.tensor1d([8, 2]) },
        0.1,
        5,
      );
      closeTo(mean, [0.9 + 0.3, -1.8 + 0.2], 1e-6);
      closeTo(variance, [3.6 + 0.1 * 8 * 1.25, 0.45 + 0.1 * 2 * 1.25], 1e-6);
    });
  });

  it("pools, rectifies, adds and applies affine maps, forward and backward", () => {
    const shape: Shape4D = [2, 3, 2, 5];
    const a = noise(60, 1);
    const b = noise(60, 2);
    const scale = noise(5, 3);
    const shift = noise(5, 4);
    withoutLeaks(() => {
      const ta = tensor<Tensor4D>(a, shape);
      const tb = tensor<Tensor4D>(b, shape);
      closeTo(
        kernels.add(kernels.copy(ta), tb, false),
        a.map((v, i) => v + b[i]!),
      );
      closeTo(
        kernels.add(kernels.copy(ta), tb, true),
        a.map((v, i) => rectify(v + b[i]!)),
      );
      closeTo(ta, a, 1e-6);
      const rectified = kernels.relu(ta);
      closeTo(rectified, a.map(rectify));
      const masked = kernels.reluBackward(kernels.copy(tb), rectified);
      closeTo(
        masked,
        b.map((v, i) => (a[i]! > 0 ? v : 0)),
      );
      const tScale = tensor<Tensor1D>(scale, [5]);
      const tShift = tensor<Tensor1D>(shift, [5]);
      closeTo(
        kernels.affine(ta, tScale, tShift, tb, true),
        a.map((v, i) => rectify(v * scale[i % 5]! + shift[i % 5]! + b[i]!)),
      );
      const means = new Float64Array(10);
      a.forEach((v, i) => (means[Math.floor(i / 30) * 5 + (i % 5)]! += v / 6));
      closeTo(kernels.averagePool(ta), means);
      const dPooled = noise(10, 5);
      closeTo(
        kernels.averagePoolBackward(tensor<Tensor2D>(dPooled, [2, 5]), shape),
        a.map((_, i) => dPooled[Math.floor(i / 30) * 5 + (i % 5)]! / 6),
      );
    });
  });

  it("applies a linear layer, forward and backward", () => {
    const [n, input, output] = [3, 4, 5];
    const x = noise(n * input, 1);
    const w = noise(output * input, 2);
    const bias = noise(output, 3);
    const dy = noise(n * output, 4);
    const apply = (at: Float64Array, weight: Float64Array, add: Float64Array): Float64Array =>
      Float64Array.from({ length: n * output }, (_, i) => {
        const [row, o] = [Math.floor(i / output), i % output];
        return (
          dot(at.subarray(row * input, (row + 1) * input), weight.subarray(o * input)) + add[o]!
        );
      });
    withoutLeaks(() => {
      const tx = tensor<Tensor2D>(x, [n, input]);
      const tw = tensor<Tensor2D>(w, [output, input]);
      const tdy = tensor<Tensor2D>(dy, [n, output]);
      closeTo(kernels.linear(tx, tw, tensor<Tensor1D>(bias, [output])), apply(x, w, bias));
      const { dx, dWeight, dBias } = kernels.linearBackward(tdy, tx, tw);
      closeTo(
        dx,
        numericGradient((at) => dot(apply(at, w, bias), dy), x, 1),
      );
      closeTo(
        dWeight,
        numericGradient((at) => dot(apply(x, at, bias), dy), w, 1),
      );
      closeTo(
        dBias,
        numericGradient((at) => dot(apply(x, w, at), dy), bias, 1),
      );
    });
  });

  it("gives the distillation loss, its gradient and the agreement", () => {
    const [n, classes, temperature] = [4, 6, 2.5];
    const student = noise(n * classes, 1).map((v) => 4 * v);
    const teacher = noise(n * classes, 2).map((v) => 4 * v);
    // The second row agrees for certain.
    teacher.set(student.subarray(classes, 2 * classes), classes);
    withoutLeaks(() => {
      const { summary, dLogits } = kernels.loss(tensor<Tensor2D>(student, [n, classes]), {
        kind: "logits",
        logits: tensor<Tensor2D>(teacher, [n, classes]),
        temperature,
      });
      const truth = distillationLoss(student, teacher, classes, temperature);
      const largest = (v: Float64Array, row: number): number => {
        const part = [...v.subarray(row * classes, (row + 1) * classes)];
        return part.indexOf(Math.max(...part));
      };
      const agree = [0, 1, 2, 3].filter((r) => largest(student, r) === largest(teacher, r)).length;
      expect(agree).toBeLessThan(n);
      closeTo(summary, [truth, agree / n]);
      closeTo(
        dLogits,
        numericGradient((at) => distillationLoss(at, teacher, classes, temperature), student),
      );
    });
  });

  it("takes one-hot targets: cross-entropy, with 0·log 0 = 0", () => {
    withoutLeaks(() => {
      const logits = tf.tensor2d([2, 0, -1, 0, 0, 0], [2, 3]);
      const probabilities = tf.tensor2d([1, 0, 0, 0, 0, 1], [2, 3]);
      const { summary, dLogits } = kernels.loss(logits, { kind: "probabilities", probabilities });
      const norm = Math.exp(2) + 1 + Math.exp(-1);
      closeTo(summary, [(Math.log(norm) - 2 + Math.log(3)) / 2, 0.5]);
      closeTo(dLogits, [
        (Math.exp(2) / norm - 1) / 2,
        1 / norm / 2,
        Math.exp(-1) / norm / 2,
        1 / 6,
        1 / 6,
        1 / 6 - 0.5,
      ]);
    });
  });

  it("steps as PyTorch's SGD does: momentum from the first gradient, decay inside it", () => {
    withoutLeaks(() => {
      const settings = { learningRate: 0.1, momentum: 0.9, weightDecay: 0.01 };
      const first = kernels.sgd({
        ...settings,
        parameter: tf.tensor1d([1, -2]),
        gradient: tf.tensor1d([0.5, 3]),
        velocity: undefined,
      });
      closeTo(first.velocity, [0.51, 2.98], 1e-6);
      closeTo(first.parameter, [1 - 0.051, -2 - 0.298], 1e-6);
      const second = kernels.sgd({
        ...settings,
        ...first,
        gradient: tf.tensor1d([0, 0]),
      });
      const v0 = 0.9 * 0.51 + 0.01 * 0.949;
      closeTo(second.velocity, [v0, 0.9 * 2.98 - 0.01 * 2.298], 1e-6);
      closeTo(second.parameter, [0.949 - 0.1 * v0, -2.298 - 0.1 * (2.682 - 0.02298)], 1e-6);
    });
  });
});
