import type { Activation } from "../../../../protocol/model/graph.ts";
import type { Pair } from "../../../../protocol/model/values.ts";
import type { Operand, Reading, StatisticsSums } from "../operands.ts";
import { epilogueReads, type GradientEpilogue } from "./gradient-epilogue.ts";
import { operandsOf, pairs, present, sumsOf, type KernelDescription } from "./kernel.ts";

/** The three products of a convolution, see `program.ts`. */

export interface ConvGeometry {
  /** N, images of a micro-batch. */
  readonly images: number;
  readonly inputHeight: number;
  readonly inputWidth: number;
  readonly channelsIn: number;
  readonly outputHeight: number;
  readonly outputWidth: number;
  readonly channelsOut: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  /** Along height and width, as are padding and dilation. */
  readonly stride: Pair;
  /** Zeros above and to the left; below and to the right there are as many as the output needs. */
  readonly padding: Pair;
  readonly dilation: Pair;
  /** 1: ordinary; = channelsIn: depthwise. */
  readonly groups: number;
  /** How the weight lies: `[kh, kw, in/groups, out]`, or `[out, in]` as a linear layer's, whose kernel is 1×1. */
  readonly weightOrder: "in-out" | "out-in";
}

/** Number of multiply-adds of a convolution; its gradients have as many. */
function multiplyAdds(geometry: ConvGeometry): number {
  const { images, outputHeight, outputWidth, channelsOut, groups } = geometry;
  const { kernelHeight, kernelWidth, channelsIn } = geometry;
  const window = (kernelHeight * kernelWidth * channelsIn) / groups;
  return images * outputHeight * outputWidth * channelsOut * window;
}

function shapesOf(g: ConvGeometry): string {
  const dilated = g.dilation.some((step) => step !== 1) ? `, dilated ${pairText(g.dilation)}` : "";
  const grouped = g.groups > 1 ? `, ${g.groups} groups` : "";
  return (
    `[${g.images},${g.inputHeight},${g.inputWidth},${g.channelsIn}] → ` +
    `[${g.images},${g.outputHeight},${g.outputWidth},${g.channelsOut}], ` +
    `${g.kernelHeight}×${g.kernelWidth}/${pairText(g.stride)}${dilated}${grouped}`
  );
}

/** Of a pair: one number where both are the same. */
function pairText([height, width]: Pair): string {
  return height === width ? `${height}` : `${height}×${width}`;
}

/**
 * What is added to a convolution's output, where its memory can take that output: not where the
 * convolution reads it too, since it comes back to a value long after the first output is written.
 */
export function summand(addend: Operand | undefined, convolved: Operand): Operand | undefined {
  return addend === convolved ? undefined : addend;
}

/** y = f(conv(x) + bias + addend), f an activation or none; student: also Σy and Σy² per channel and group. */
export interface ConvolveKernel {
  readonly kind: "convolve";
  readonly geometry: ConvGeometry;
  readonly x: Reading;
  readonly weight: Operand;
  readonly y: Operand;
  /** `[Co]` */
  readonly bias: Operand | undefined;
  /** `[N, Ho, Wo, Co]`; may be the memory of `y`. */
  readonly addend: Operand | undefined;
  readonly activation: Activation | undefined;
  readonly sums: StatisticsSums | undefined;
}

export const convolve: KernelDescription<ConvolveKernel> = {
  access: ({ x, weight, y, bias, addend, sums }) => ({
    reads: [...operandsOf(x), weight, ...present(bias, addend)],
    writes: [y, ...sumsOf(sums)],
    inPlace: pairs(y, summand(addend, x.values)),
  }),
  flops: ({ geometry }) => 2 * multiplyAdds(geometry),
  shapes: ({ geometry }) => shapesOf(geometry),
};

/** Gradient with respect to a convolution's input, through an epilogue. */
export interface InputGradientKernel {
  readonly kind: "input-gradient";
  readonly geometry: ConvGeometry;
  readonly dy: Operand;
  readonly weight: Operand;
  readonly dx: Operand;
  readonly epilogue: GradientEpilogue;
}

export const inputGradient: KernelDescription<InputGradientKernel> = {
  access: ({ dy, weight, dx, epilogue }) => ({
    reads: [dy, weight, ...epilogueReads(epilogue)],
    writes: [dx, ...sumsOf(epilogue.sums)],
    inPlace: pairs(dx, summand(epilogue.addend, dy)),
  }),
  flops: ({ geometry }) => 2 * multiplyAdds(geometry),
  shapes: ({ geometry }) => shapesOf(geometry),
};

/** dw += gradient with respect to a convolution's weight; no part spans two norm groups. */
export interface FilterGradientKernel {
  readonly kind: "filter-gradient";
  readonly geometry: ConvGeometry;
  readonly x: Reading;
  readonly dy: Operand;
  readonly dw: Operand;
  /** `[parts, kh, kw, Ci/groups, Co]`: one sum a run of positions, added to dw in order. */
  readonly workspace: Operand | undefined;
  readonly parts: number;
}

export const filterGradient: KernelDescription<FilterGradientKernel> = {
  access: ({ x, dy, dw, workspace }) => ({
    reads: [...operandsOf(x), dy, dw, ...present(workspace)],
    writes: [dw, ...present(workspace)],
    inPlace: [],
  }),
  flops: ({ geometry }) => 2 * multiplyAdds(geometry),
  shapes: ({ geometry, parts }) => `${shapesOf(geometry)}, ${parts} parts`,
};
