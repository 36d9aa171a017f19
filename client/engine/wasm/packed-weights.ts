import type { ConvolveKernel, InputGradientKernel } from "../program/kernels/convolution.ts";
import type { Kernel } from "../program/kernels/kernels.ts";
import type { Program } from "../program/program.ts";
import { packedBytes } from "./plan/plan-dense.ts";
import { packsInPlace } from "./plan/row-product.ts";
import { suitsWinograd, winogradWeightBytes } from "./plan/plan-winograd.ts";
import type { Model } from "./session-memory.ts";

/**
 * Where a program's kernels find their packed weights: in memory that they use in turns, or, where
 * weights never change, in memory of their own that is filled once. How weights are packed depends
 * on nothing but the convolution, so that programs for any batch share what is there.
 */
export interface PackedWeights {
  /** Bytes that kernels use in turns. */
  readonly passingBytes: number;
  /** Bytes that stay. */
  readonly lastingBytes: number;
  /** Where in what stays a kernel's weights begin; none for kernels that pack in each run. */
  readonly lasting: ReadonlyMap<Kernel, number>;
}

/** Of a cache line, as is all memory here. */
const ALIGNMENT = 64;

/** @param model whose values the program's `teacher` region is; only the teacher's never change. */
export function packedWeightsOf({ kernels }: Program, model: Model): PackedWeights {
  let passingBytes = 0;
  let lastingBytes = 0;
  const lasting = new Map<Kernel, number>();
  for (const { kernel } of kernels) {
    if (kernel.kind !== "convolve" && kernel.kind !== "input-gradient") continue;
    if (packsInPlace(kernel.geometry)) continue;
    const bytes = Math.ceil(bytesOf(kernel) / ALIGNMENT) * ALIGNMENT;
    if (kernel.weight.region === "teacher" && model === "teacher") {
      lasting.set(kernel, lastingBytes);
      lastingBytes += bytes;
    } else {
      passingBytes = Math.max(passingBytes, bytes);
    }
  }
  return { passingBytes, lastingBytes, lasting };
}

function bytesOf({ kind, geometry }: ConvolveKernel | InputGradientKernel): number {
  const { channelsIn, channelsOut, groups } = geometry;
  const taps = geometry.kernelHeight * geometry.kernelWidth;
  const forward = kind === "convolve";
  const [rows, columns] = forward ? [channelsIn, channelsOut] : [channelsOut, channelsIn];
  if (suitsWinograd(geometry, forward ? "forward" : "gradient")) {
    return winogradWeightBytes(rows, columns);
  }
  return groups * packedBytes((taps * rows) / groups, columns / groups);
}
