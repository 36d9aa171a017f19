import type { Rank, Tensor1D, Tensor4D } from "@tensorflow/tfjs-core";
import { TILE_VECTORS, writeConvolution, type ConvolutionShape } from "../wasm/convolution-code.ts";
import { writeFilterGradient } from "../wasm/filter-gradient-code.ts";
import type { KernelCache } from "../wasm/kernel-cache.ts";
import type { WasmMemory } from "./host-memory.ts";
import type { Padding } from "./input-gradient.ts";

type Shape4D = [number, number, number, number];

const FLOAT = 4;
const LANES = 4;
/** Padded images that are worked on at once: they stay in the second-level cache. */
const BLOCK_BYTES = 256 * 1024;
/** Output positions a filter gradient sums before it stores: what it reads stays in the first. */
const BLOCK_POSITIONS = 128;

/** Whether the generated kernels take a convolution: whole vectors of output channels. */
export function takesChannels(channelsOut: number): boolean {
  return channelsOut % LANES === 0;
}

/** Convolutions by generated WebAssembly, over the backend's memory. */
export class SimdConvolution {
  readonly #memory: WasmMemory;
  readonly #kernels: KernelCache;

  constructor(memory: WasmMemory, kernels: KernelCache) {
    this.#memory = memory;
    this.#kernels = kernels;
  }

  /** x `[N,H,W,Ci]` ∗ weight `[kh,kw,Ci,Co]`, then bias and rectifier if asked. */
  forward(
    x: Tensor4D,
    weight: Tensor4D,
    stride: number,
    padding: Padding,
    bias: Tensor1D | undefined,
    relu: boolean,
  ): Tensor4D {
    const shape = convolutionShape(x.shape, weight.shape, stride, padding);
    const { channelsOut, outputHeight, outputWidth } = shape;
    const [n] = x.shape;
    const { address } = this.#memory;
    const y = this.#memory.empty<Rank.R4>([n, outputHeight, outputWidth, channelsOut]);
    const packed = this.#packWeights(weight);
    const padded = new PaddedImages(this.#memory, x, shape, padding);
    const taps = weight.size / channelsOut;
    const imageBytes = outputHeight * outputWidth * channelsOut * FLOAT;
    const epilogue = { bias: bias !== undefined, relu };
    padded.eachBlock((input, first, images) => {
      for (let channel = 0; channel < channelsOut;) {
        const vectors = Math.min(TILE_VECTORS, (channelsOut - channel) / LANES);
        const key = `convolution ${Object.values(shape).join(" ")} ${vectors} ${bias !== undefined} ${relu}`;
        const kernel = this.#kernels.kernel(key, 5, (writer) =>
          writeConvolution(writer, shape, vectors, epilogue),
        );
        kernel(
          input,
          address(packed) + channel * taps * FLOAT,
          bias ? address(bias) + channel * FLOAT : 0,
          address(y) + first * imageBytes + channel * FLOAT,
          images,
        );
        channel += vectors * LANES;
      }
    });
    padded.dispose();
    packed.dispose();
    return y;
  }

  /** Gradient of `forward` with respect to the weight `[kh,kw,Ci,Co]`. */
  filterGradient(
    x: Tensor4D,
    dy: Tensor4D,
    filterShape: Shape4D,
    stride: number,
    padding: Padding,
  ): Tensor4D {
    const shape = convolutionShape(x.shape, filterShape, stride, padding);
    const { channelsIn, channelsOut, inputHeight, inputWidth, outputHeight, outputWidth } = shape;
    const { address } = this.#memory;
    const gradient = this.#memory.empty<Rank.R4>(filterShape);
    const padded = new PaddedImages(this.#memory, x, shape, padding);
    this.#memory.view(gradient).fill(0);
    const key = `filter gradient ${Object.values(shape).join(" ")}`;
    const kernel = this.#kernels.kernel(key, 5, (writer) => writeFilterGradient(writer, shape));
    const inputBytes = inputHeight * inputWidth * channelsIn * FLOAT;
    const rowBytes = stride * inputWidth * channelsIn * FLOAT;
    const outputRowBytes = outputWidth * channelsOut * FLOAT;
    const rows = Math.max(1, Math.min(outputHeight, Math.floor(BLOCK_POSITIONS / outputWidth)));
    const group = Math.max(1, Math.floor(BLOCK_POSITIONS / (outputHeight * outputWidth)));
    padded.eachBlock((input, first, images) => {
      for (let image = 0; image < images; image += group) {
        const count = Math.min(group, images - image);
        const imageInput = input + image * inputBytes;
        const imageOutput = address(dy) + (first + image) * outputHeight * outputRowBytes;
        for (let row = 0; row < outputHeight; row += rows) {
          kernel(
            imageInput + row * rowBytes,
            imageOutput + row * outputRowBytes,
            address(gradient),
            count,
            Math.min(rows, outputHeight - row),
          );
        }
      }
    });
    padded.dispose();
    return gradient;
  }

  /** `[taps, Co]` → tile after tile of channels, each `[taps, 4·vectors]`. */
  #packWeights(weight: Tensor4D): Tensor1D {
    const channels = weight.shape[3];
    const taps = weight.size / channels;
    const packed = this.#memory.empty<Rank.R1>([weight.size]);
    const from = this.#memory.view(weight);
    const to = this.#memory.view(packed);
    let target = 0;
    for (let channel = 0; channel < channels;) {
      const width = Math.min(TILE_VECTORS * LANES, channels - channel);
      for (let tap = 0; tap < taps; tap++) {
        const source = tap * channels + channel;
        for (let c = 0; c < width; c++) to[target++] = from[source + c]!;
      }
      channel += width;
    }
    return packed;
  }
}

function convolutionShape(
  x: Shape4D,
  filter: Shape4D,
  stride: number,
  { top, left, bottom, right }: Padding,
): ConvolutionShape {
  const [, height, width, channelsIn] = x;
  const [kernelHeight, kernelWidth, , channelsOut] = filter;
  const inputHeight = height + top + bottom;
  const inputWidth = width + left + right;
  return {
    channelsIn,
    channelsOut,
    kernelHeight,
    kernelWidth,
    stride,
    inputHeight,
    inputWidth,
    outputHeight: Math.floor((inputHeight - kernelHeight) / stride) + 1,
    outputWidth: Math.floor((inputWidth - kernelWidth) / stride) + 1,
  };
}

/** A batch with zeros around each image, some images at a time. */
class PaddedImages {
  readonly #memory: WasmMemory;
  readonly #x: Tensor4D;
  readonly #shape: ConvolutionShape;
  readonly #padding: Padding;
  readonly #blockImages: number;
  /** Undefined where there is no padding: the batch itself serves. */
  readonly #scratch: Tensor1D | undefined;

  constructor(memory: WasmMemory, x: Tensor4D, shape: ConvolutionShape, padding: Padding) {
    this.#memory = memory;
    this.#x = x;
    this.#shape = shape;
    this.#padding = padding;
    const size = shape.inputHeight * shape.inputWidth * shape.channelsIn;
    this.#blockImages = Math.min(x.shape[0], Math.max(1, Math.floor(BLOCK_BYTES / FLOAT / size)));
    const { top, left, bottom, right } = padding;
    if (top + left + bottom + right > 0) {
      this.#scratch = memory.empty<Rank.R1>([this.#blockImages * size]);
      // Only the insides are written from here on, so the borders stay zero from block to block.
      memory.view(this.#scratch).fill(0);
    }
  }

  /** Visits the batch: address of the block's padded images, its first image, their number. */
  eachBlock(visit: (input: number, first: number, images: number) => void): void {
    const [n, height, width, channels] = this.#x.shape;
    const { inputHeight, inputWidth } = this.#shape;
    const { address } = this.#memory;
    for (let first = 0; first < n; first += this.#blockImages) {
      const images = Math.min(this.#blockImages, n - first);
      if (!this.#scratch) {
        visit(address(this.#x) + first * height * width * channels * FLOAT, first, images);
        continue;
      }
      const from = this.#memory.view(this.#x);
      const to = this.#memory.view(this.#scratch);
      const run = width * channels;
      for (let image = 0; image < images; image++) {
        let source = (first + image) * height * run;
        let target =
          ((image * inputHeight + this.#padding.top) * inputWidth + this.#padding.left) * channels;
        for (let row = 0; row < height; row++) {
          to.set(from.subarray(source, source + run), target);
          source += run;
          target += inputWidth * channels;
        }
      }
      visit(address(this.#scratch), first, images);
    }
  }

  dispose(): void {
    this.#scratch?.dispose();
  }
}
