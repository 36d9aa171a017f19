import type { Rank, Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs-core";
import { hasFusedMultiplyAdd, KernelCache } from "../wasm/kernel-cache.ts";
import { HostKernels } from "./host-kernels.ts";
import { normGradientCoefficients } from "./host-norm.ts";
import type { WasmMemory } from "./host-memory.ts";
import { inputGradientByConvolution, type Padding } from "./input-gradient.ts";
import type {
  ConvGeometry,
  NormBackwardInput,
  NormBackwardOutput,
  NormForwardInput,
  NormMoments,
} from "./kernels.ts";
import { SimdChannels } from "./simd-channels.ts";
import { SimdConvolution, takesChannels } from "./simd-convolution.ts";

type Shape4D = [number, number, number, number];

/**
 * Kernels for the wasm backend where there is SIMD: convolutions and their gradients by WebAssembly
 * generated for each shape, over the backend's own memory. With relaxed SIMD they multiply and add
 * in one instruction, which the backend's library does not.
 */
export class SimdKernels extends HostKernels {
  readonly #memory: WasmMemory;
  readonly #convolution: SimdConvolution;
  readonly #channels: SimdChannels;

  constructor(memory: WasmMemory, fused = hasFusedMultiplyAdd()) {
    super(memory);
    this.#memory = memory;
    const kernels = new KernelCache(memory.memory, fused);
    this.#convolution = new SimdConvolution(memory, kernels);
    this.#channels = new SimdChannels(memory, kernels);
  }

  override convolve(x: Tensor4D, weight: Tensor4D, geometry: ConvGeometry): Tensor4D {
    if (!takesChannels(weight.shape[3])) return super.convolve(x, weight, geometry);
    const { stride, padding } = geometry;
    return this.#convolution.forward(x, weight, stride, evenly(padding), undefined, false);
  }

  override convolveWithBias(
    x: Tensor4D,
    weight: Tensor4D,
    bias: Tensor1D,
    geometry: ConvGeometry,
    relu: boolean,
  ): Tensor4D {
    if (!takesChannels(weight.shape[3])) {
      return super.convolveWithBias(x, weight, bias, geometry, relu);
    }
    const { stride, padding } = geometry;
    return this.#convolution.forward(x, weight, stride, evenly(padding), bias, relu);
  }

  override convolveInputGradient(
    dy: Tensor4D,
    weight: Tensor4D,
    inputShape: Shape4D,
    geometry: ConvGeometry,
  ): Tensor4D {
    if (!takesChannels(geometry.stride ** 2 * weight.shape[2])) {
      return super.convolveInputGradient(dy, weight, inputShape, geometry);
    }
    return inputGradientByConvolution(
      this.#memory,
      {
        convolve: (x, phases, padding) =>
          this.#convolution.forward(x, phases, 1, padding, undefined, false),
        interleave: (mixed, stride, shape) => this.#channels.interleave(mixed, stride, shape),
      },
      dy,
      weight,
      inputShape,
      geometry,
    );
  }

  override convolveFilterGradient(
    x: Tensor4D,
    dy: Tensor4D,
    filterShape: Shape4D,
    geometry: ConvGeometry,
  ): Tensor4D {
    if (!takesChannels(filterShape[3])) {
      return super.convolveFilterGradient(x, dy, filterShape, geometry);
    }
    const { stride, padding } = geometry;
    return this.#convolution.filterGradient(x, dy, filterShape, stride, evenly(padding));
  }

  override normForward(input: NormForwardInput): { y: Tensor4D; moments: NormMoments } {
    const { x, scale, shift, epsilon, addend, relu } = input;
    const channels = x.shape[3];
    if (!takesChannels(channels)) return super.normForward(input);
    const rows = x.size / channels;
    const { view } = this.#memory;
    const mean = this.#memory.empty<Rank.R1>([channels]);
    const variance = this.#memory.empty<Rank.R1>([channels]);
    const gain = this.#memory.empty<Rank.R1>([channels]);
    const bias = this.#memory.empty<Rank.R1>([channels]);
    const { sums, products } = this.#channels.sums(x, undefined, undefined);
    for (let c = 0; c < channels; c++) {
      const m = sums[c]! / rows;
      const v = Math.max(0, products[c]! / rows - m * m);
      // Rounded as the pass over the rows will use it, so that the shift makes up for the rounding.
      const a = Math.fround(view(scale)[c]! / Math.sqrt(v + epsilon));
      view(mean)[c] = m;
      view(variance)[c] = v;
      view(gain)[c] = a;
      view(bias)[c] = view(shift)[c]! - m * a;
    }
    const y = this.affine(x, gain, bias, addend, relu);
    gain.dispose();
    bias.dispose();
    return { y, moments: { mean, variance } };
  }

  override affine(
    x: Tensor4D,
    scale: Tensor1D,
    shift: Tensor1D,
    addend: Tensor4D | undefined,
    relu: boolean,
  ): Tensor4D {
    if (!takesChannels(x.shape[3])) return super.affine(x, scale, shift, addend, relu);
    const y = this.#memory.empty<Rank.R4>(x.shape);
    const second = addend && { kind: "add" as const, values: addend };
    this.#channels.affine(x, scale, shift, second, relu, y);
    return y;
  }

  override normBackward(input: NormBackwardInput): NormBackwardOutput {
    const { dy, x, y, scale, moments, epsilon, relu, addend } = input;
    const channels = x.shape[3];
    if (!takesChannels(channels)) return super.normBackward(input);
    const { view } = this.#memory;
    const dScale = this.#memory.empty<Rank.R1>([channels]);
    const dShift = this.#memory.empty<Rank.R1>([channels]);
    const a = this.#memory.empty<Rank.R1>([channels]);
    const b = this.#memory.empty<Rank.R1>([channels]);
    const d = this.#memory.empty<Rank.R1>([channels]);
    const dx = addend ? this.#memory.empty<Rank.R4>(x.shape) : dy;
    const { sums, products } = this.#channels.sums(dy, x, relu ? y : undefined);
    normGradientCoefficients(sums, products, x.size / channels, epsilon, {
      mean: view(moments.mean),
      variance: view(moments.variance),
      scale: view(scale),
      dScale: view(dScale),
      dShift: view(dShift),
      a: view(a),
      b: view(b),
      d: view(d),
    });
    const second = { kind: "combine" as const, values: x, factors: b };
    this.#channels.affine(dy, a, d, second, false, dx);
    for (const tensor of [a, b, d]) tensor.dispose();
    return { dx, dScale, dShift, dAddend: addend ? dy : undefined };
  }

  override add<T extends Tensor>(a: T, b: T, relu: boolean): T {
    this.#channels.add(a, b, relu);
    return a;
  }
}

function evenly(padding: number): Padding {
  return { top: padding, left: padding, bottom: padding, right: padding };
}
