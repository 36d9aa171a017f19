import type { Activation, Conv2dOperation } from "../../../../protocol/model/graph.ts";
import type { Operand, Reading, StatisticsSums } from "../operands.ts";
import { summand } from "./convolution.ts";
import { epilogueReads, type GradientEpilogue } from "./gradient-epilogue.ts";
import { operandsOf, pairs, present, sumsOf, type KernelDescription } from "./kernel.ts";
import type { WindowAxis } from "./window-taps.ts";

/**
 * The three sums of a depthwise convolution: each channel is convolved by itself with a filter of its
 * own. No matrix products, as every value is multiplied by one weight a tap: memory binds.
 */

export interface DepthwiseGeometry {
  /** N, images of a micro-batch. */
  readonly images: number;
  readonly channels: number;
  readonly vertical: WindowAxis;
  readonly horizontal: WindowAxis;
}

/** Whether a convolution gives one channel for each that it reads, of several. */
export function isDepthwise(
  { groups }: Pick<Conv2dOperation, "groups">,
  channelsIn: number,
  channelsOut: number,
): boolean {
  return groups > 1 && groups === channelsIn && groups === channelsOut;
}

function flops({ geometry }: { readonly geometry: DepthwiseGeometry }): number {
  const { images, channels, vertical, horizontal } = geometry;
  const outputs = images * vertical.output * horizontal.output * channels;
  return 2 * outputs * vertical.kernel * horizontal.kernel;
}

function shapesOf({ images, channels, vertical, horizontal }: DepthwiseGeometry): string {
  const dilation = pairText(vertical.dilation, horizontal.dilation);
  return (
    `[${images},${vertical.input},${horizontal.input},${channels}] → ` +
    `[${images},${vertical.output},${horizontal.output},${channels}], ` +
    `${vertical.kernel}×${horizontal.kernel}/${pairText(vertical.stride, horizontal.stride)}` +
    (dilation === "1" ? "" : `, dilation ${dilation}`)
  );
}

/** One number where both axes have the same. */
function pairText(height: number, width: number): string {
  return height === width ? `${height}` : `${height}×${width}`;
}

/** y = f(conv(x) + bias + addend), f an activation or none; student: also Σy and Σy² per channel and group. */
export interface DepthwiseKernel {
  readonly kind: "depthwise";
  readonly geometry: DepthwiseGeometry;
  readonly x: Reading;
  /** `[kh, kw, 1, C]` */
  readonly weight: Operand;
  readonly y: Operand;
  /** `[C]` */
  readonly bias: Operand | undefined;
  /** `[N, Ho, Wo, C]`; may be the memory of `y`. */
  readonly addend: Operand | undefined;
  readonly activation: Activation | undefined;
  readonly sums: StatisticsSums | undefined;
}

export const depthwise: KernelDescription<DepthwiseKernel> = {
  access: ({ x, weight, y, bias, addend, sums }) => ({
    reads: [...operandsOf(x), weight, ...present(bias, addend)],
    writes: [y, ...sumsOf(sums)],
    inPlace: pairs(y, summand(addend, x.values)),
  }),
  flops,
  shapes: ({ geometry }) => shapesOf(geometry),
};

/** Gradient with respect to a depthwise convolution's input, through an epilogue. */
export interface DepthwiseInputGradientKernel {
  readonly kind: "depthwise-input-gradient";
  readonly geometry: DepthwiseGeometry;
  readonly dy: Operand;
  readonly weight: Operand;
  readonly dx: Operand;
  readonly epilogue: GradientEpilogue;
}

export const depthwiseInputGradient: KernelDescription<DepthwiseInputGradientKernel> = {
  access: ({ dy, weight, dx, epilogue }) => ({
    reads: [dy, weight, ...epilogueReads(epilogue)],
    writes: [dx, ...sumsOf(epilogue.sums)],
    inPlace: pairs(dx, summand(epilogue.addend, dy)),
  }),
  flops,
  shapes: ({ geometry }) => shapesOf(geometry),
};

/** dw += gradient with respect to a depthwise convolution's weight; no part spans two norm groups. */
export interface DepthwiseFilterGradientKernel {
  readonly kind: "depthwise-filter-gradient";
  readonly geometry: DepthwiseGeometry;
  readonly x: Reading;
  readonly dy: Operand;
  readonly dw: Operand;
  /** `[parts, kh, kw, 1, C]`: one sum a run of positions, added to dw in order. */
  readonly workspace: Operand | undefined;
  readonly parts: number;
}

export const depthwiseFilterGradient: KernelDescription<DepthwiseFilterGradientKernel> = {
  access: ({ x, dy, dw, workspace }) => ({
    reads: [...operandsOf(x), dy, dw, ...present(workspace)],
    writes: [dw, ...present(workspace)],
    inPlace: [],
  }),
  flops,
  shapes: ({ geometry, parts }) => `${shapesOf(geometry)}, ${parts} parts`,
};
