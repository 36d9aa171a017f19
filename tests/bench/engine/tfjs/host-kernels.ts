import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { distillationLoss } from "../../../../client/engine/host/host-loss.ts";
import { filterGradientByConvolution } from "./filter-gradient.ts";
import type { HostMemory } from "./host-memory.ts";
import {
  channelAffine,
  channelCombine,
  channelMoments,
  maskedSums,
  normGradientCoefficients,
} from "./host-norm.ts";
import { inputGradientByConvolution } from "./input-gradient.ts";
import type {
  ConvGeometry,
  LossOutput,
  LossTarget,
  NormBackwardInput,
  NormBackwardOutput,
  NormForwardInput,
  NormMoments,
  SgdInput,
} from "./kernels.ts";
import { TensorKernels } from "./tensor-kernels.ts";

type Shape4D = [number, number, number, number];

/**
 * Kernels for tfjs on WebAssembly, whose tensors lie in the host's memory: convolutions by the
 * backend, the rest in loops over that memory that make one pass where composed operations would
 * make several. Sums are accumulated in float64.
 *
 * Every output is allocated before any view is taken: an allocation may detach views.
 */
export class HostKernels extends TensorKernels {
  readonly #memory: HostMemory;

  constructor(memory: HostMemory) {
    super();
    this.#memory = memory;
  }

  override convolveInputGradient(
    dy: Tensor4D,
    filter: Tensor4D,
    inputShape: Shape4D,
    geometry: ConvGeometry,
  ): Tensor4D {
    return inputGradientByConvolution(this.#memory, dy, filter, inputShape, geometry);
  }

  override convolveFilterGradient(
    x: Tensor4D,
    dy: Tensor4D,
    filterShape: Shape4D,
    geometry: ConvGeometry,
  ): Tensor4D {
    return filterGradientByConvolution(x, dy, filterShape, geometry);
  }

  override normForward(input: NormForwardInput): { y: Tensor4D; moments: NormMoments } {
    const { x, scale, shift, epsilon, addend, relu } = input;
    const channels = x.shape[3];
    const { view } = this.#memory;
    const mean = this.#memory.empty<tf.Rank.R1>([channels]);
    const variance = this.#memory.empty<tf.Rank.R1>([channels]);
    const y = this.#memory.empty<tf.Rank.R4>(x.shape);
    const means = view(mean);
    const variances = view(variance);
    channelMoments(view(x), means, variances);
    const scales = view(scale);
    const shifts = view(shift);
    const a = new Float64Array(channels);
    const b = new Float64Array(channels);
    for (let c = 0; c < channels; c++) {
      a[c] = scales[c]! / Math.sqrt(variances[c]! + epsilon);
      b[c] = shifts[c]! - means[c]! * a[c]!;
    }
    channelAffine(view(x), a, b, addend && view(addend), relu, view(y));
    return { y, moments: { mean, variance } };
  }

  override normBackward(input: NormBackwardInput): NormBackwardOutput {
    const { dy, x, y, scale, moments, epsilon, relu, addend } = input;
    const channels = x.shape[3];
    const { view } = this.#memory;
    const dScale = this.#memory.empty<tf.Rank.R1>([channels]);
    const dShift = this.#memory.empty<tf.Rank.R1>([channels]);
    // Without an addend nobody else wants the masked gradient: dx takes its place.
    const dx = addend ? this.#memory.empty<tf.Rank.R4>(x.shape) : dy;
    const g = view(dy);
    const values = view(x);
    const sums = new Float64Array(channels);
    const products = new Float64Array(channels);
    maskedSums(g, values, relu ? view(y) : undefined, sums, products);
    const a = new Float64Array(channels);
    const b = new Float64Array(channels);
    const d = new Float64Array(channels);
    normGradientCoefficients(sums, products, x.size / channels, epsilon, {
      mean: view(moments.mean),
      variance: view(moments.variance),
      scale: view(scale),
      dScale: view(dScale),
      dShift: view(dShift),
      a,
      b,
      d,
    });
    channelCombine(g, values, a, b, d, view(dx));
    return { dx, dScale, dShift, dAddend: addend ? dy : undefined };
  }

  override affine(
    x: Tensor4D,
    scale: Tensor1D,
    shift: Tensor1D,
    addend: Tensor4D | undefined,
    relu: boolean,
  ): Tensor4D {
    const { view } = this.#memory;
    const y = this.#memory.empty<tf.Rank.R4>(x.shape);
    const a = Float64Array.from(view(scale));
    const b = Float64Array.from(view(shift));
    channelAffine(view(x), a, b, addend && view(addend), relu, view(y));
    return y;
  }

  override add<T extends Tensor>(a: T, b: T, relu: boolean): T {
    const into = this.#memory.view(a);
    const other = this.#memory.view(b);
    const floor = relu ? 0 : -Infinity;
    for (let i = 0; i < into.length; i++) {
      const value = into[i]! + other[i]!;
      into[i] = value < floor ? floor : value;
    }
    return a;
  }

  override reluBackward(dy: Tensor4D, y: Tensor4D): Tensor4D {
    const g = this.#memory.view(dy);
    const mask = this.#memory.view(y);
    for (let i = 0; i < g.length; i++) if (!(mask[i]! > 0)) g[i] = 0;
    return dy;
  }

  override copy<T extends Tensor>(x: T): T {
    const copy = this.#memory.empty(x.shape as [number]);
    this.#memory.view(copy).set(this.#memory.view(x));
    return copy as Tensor as T;
  }

  override averagePool(x: Tensor4D): Tensor2D {
    const [n, height, width, channels] = x.shape;
    const output = this.#memory.empty<tf.Rank.R2>([n, channels]);
    const from = this.#memory.view(x);
    const to = this.#memory.view(output);
    const positions = height * width;
    for (let image = 0; image < n; image++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        let index = image * positions * channels + c;
        for (let i = 0; i < positions; i++, index += channels) sum += from[index]!;
        to[image * channels + c] = sum / positions;
      }
    }
    return output;
  }

  override averagePoolBackward(dy: Tensor2D, inputShape: Shape4D): Tensor4D {
    const [n, height, width, channels] = inputShape;
    const output = this.#memory.empty<tf.Rank.R4>(inputShape);
    const to = this.#memory.view(output);
    const positions = height * width;
    const shares = this.#memory.view(dy).map((value) => value / positions);
    for (let image = 0; image < n; image++) {
      const row = shares.subarray(image * channels, (image + 1) * channels);
      for (let i = 0; i < positions; i++) to.set(row, (image * positions + i) * channels);
    }
    return output;
  }

  override loss(logits: Tensor2D, target: LossTarget): LossOutput {
    const { view } = this.#memory;
    const dLogits = this.#memory.empty<tf.Rank.R2>(logits.shape);
    const summary = this.#memory.empty<tf.Rank.R1>([2]);
    const [images, classes] = logits.shape;
    const { loss, agreement } = distillationLoss({
      student: view(logits),
      target: view(target.logits),
      targetIs: "logits",
      classes,
      temperature: target.temperature,
      batchSize: images,
      gradient: view(dLogits),
      total: { loss: 0, agreement: 0 },
    });
    view(summary).set([loss / images, agreement / images]);
    return { summary, dLogits };
  }

  override sgd(input: SgdInput): { parameter: Tensor; velocity: Tensor } {
    const { parameter, gradient, velocity, learningRate, momentum, weightDecay } = input;
    const { view } = this.#memory;
    // A new tensor: the wasm backend caches packed filters by tensor, so writing in place would
    // leave it convolving with the old weights.
    const next = this.#memory.empty(parameter.shape as [number]);
    const from = view(parameter);
    const to = view(next);
    const g = view(gradient);
    const v = velocity && view(velocity);
    for (let i = 0; i < g.length; i++) {
      const step = g[i]! + weightDecay * from[i]! + (v ? momentum * v[i]! : 0);
      g[i] = step;
      to[i] = from[i]! - learningRate * step;
    }
    tf.dispose(velocity ? [parameter, velocity] : [parameter]);
    return { parameter: next, velocity: gradient };
  }
}
