import type { Operand, PartialSums } from "../operands.ts";
import type { KernelDescription } from "./kernel.ts";

/** db += Σ dy over the rows of each norm group, of images and copies. */
export interface BiasGradientKernel {
  readonly kind: "bias-gradient";
  /** Of all images. */
  readonly rows: number;
  readonly channels: number;
  /** `[rows, channels]` */
  readonly dy: Operand;
  /** Σ dy; of each pair of sums the first. */
  readonly sums: PartialSums;
  readonly dBias: Operand;
}

export const biasGradient: KernelDescription<BiasGradientKernel> = {
  access: ({ dy, sums, dBias }) => ({
    reads: [dy, dBias, sums.operand],
    writes: [dBias, sums.operand],
    inPlace: [],
  }),
  flops: ({ rows, channels }) => rows * channels,
  shapes: ({ rows, channels, sums }) => `[${rows},${channels}], ${sums.parts} parts`,
};
