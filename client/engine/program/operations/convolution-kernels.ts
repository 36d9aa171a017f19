import type { Conv2dOperation } from "../../../../protocol/model/graph.ts";
import type { ConvGeometry } from "../kernels/convolution.ts";
import { isDepthwise, type DepthwiseGeometry } from "../kernels/depthwise.ts";
import type { GradientEpilogue } from "../kernels/gradient-epilogue.ts";
import { isByChannel, joinedWindows } from "../kernels/joined-windows.ts";
import type { Kernel } from "../kernels/kernels.ts";
import type { Reading } from "../operands.ts";
import type { ProgramWriter } from "../program-writer.ts";

/** A kernel's kind and its geometry. */
interface Identity<Kind extends Kernel["kind"], Geometry> {
  readonly kind: Kind;
  readonly geometry: Geometry;
}

/** Which kernel it is, and how many parts its sums have over images of a norm group. */
interface Chosen<Kind extends Kernel["kind"], Geometry> {
  readonly is: Identity<Kind, Geometry>;
  parts(images: number): number;
}

/** The same of a kernel that depends on what the gradient meets. */
interface ChosenByEpilogue<Kind extends Kernel["kind"], Geometry> {
  is(epilogue: GradientEpilogue): Identity<Kind, Geometry>;
  parts(images: number): number;
}

/** Which kernels convolve, and give the gradients of it. */
export type ConvolutionKernels = ProductKernels | DepthwiseKernels;

interface ProductKernels {
  readonly forward: Chosen<"convolve", ConvGeometry>;
  readonly inputGradient: ChosenByEpilogue<"input-gradient", ConvGeometry>;
  readonly filterGradient: Chosen<"filter-gradient", ConvGeometry>;
}

interface DepthwiseKernels {
  readonly forward: Chosen<"depthwise", DepthwiseGeometry>;
  readonly inputGradient: ChosenByEpilogue<"depthwise-input-gradient", DepthwiseGeometry>;
  readonly filterGradient: Chosen<"depthwise-filter-gradient", DepthwiseGeometry>;
}

/**
 * Depthwise convolutions, of however few channels, have kernels of their own; the rest are products.
 *
 * @param x how its input is read
 */
export function convolutionKernels(
  writer: ProgramWriter,
  step: Conv2dOperation,
  x: Reading,
): ConvolutionKernels {
  const { channels } = writer.extent(step.input);
  return isDepthwise(step, channels, writer.extent(step.output).channels)
    ? depthwiseKernels(writer, step)
    : productKernels(writer, writer.geometry(step), x);
}

export function productKernels(
  { tiling }: ProgramWriter,
  plain: ConvGeometry,
  x: Reading,
): ProductKernels {
  const joined = joinedWindows(plain);
  const geometry = x.affine ? plain : joined;
  return {
    forward: {
      is: { kind: "convolve", geometry },
      parts: (images) => tiling.convolveParts(geometry, images),
    },
    inputGradient: {
      is: (epilogue) => ({
        kind: "input-gradient",
        geometry: isByChannel(epilogue) ? plain : joined,
      }),
      parts: (images) => tiling.inputGradientParts(plain, images),
    },
    filterGradient: {
      is: { kind: "filter-gradient", geometry },
      parts: (images) => tiling.filterParts(geometry, images),
    },
  };
}

function depthwiseKernels(writer: ProgramWriter, step: Conv2dOperation): DepthwiseKernels {
  const { depthwise: tiling } = writer.tiling;
  const geometry = depthwiseGeometry(writer, step);
  return {
    forward: {
      is: { kind: "depthwise", geometry },
      parts: (images) => tiling.forwardParts(geometry, images),
    },
    inputGradient: {
      is: () => ({ kind: "depthwise-input-gradient", geometry }),
      parts: (images) => tiling.inputGradientParts(geometry, images),
    },
    filterGradient: {
      is: { kind: "depthwise-filter-gradient", geometry },
      parts: (images) => tiling.filterParts(geometry, images),
    },
  };
}

function depthwiseGeometry(writer: ProgramWriter, step: Conv2dOperation): DepthwiseGeometry {
  const { input, output, weight, stride, dilation, padding } = step;
  const from = writer.extent(input);
  const to = writer.extent(output);
  const [, , kernelHeight, kernelWidth] = writer.shapeOf(weight);
  return {
    images: writer.imageCount,
    channels: from.channels,
    vertical: {
      input: from.height,
      output: to.height,
      kernel: kernelHeight!,
      stride: stride[0],
      dilation: dilation[0],
      before: padding.top,
    },
    horizontal: {
      input: from.width,
      output: to.width,
      kernel: kernelWidth!,
      stride: stride[1],
      dilation: dilation[1],
      before: padding.left,
    },
  };
}
