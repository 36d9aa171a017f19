import type { Operand, PartialSums } from "../operands.ts";
import { pairs, present, type KernelDescription } from "./kernel.ts";

/** Kernels of a batch norm by itself, see `program.ts`: what happens to whole channels. */

/**
 * From partial sums of a batch norm's input: scale and shift for readers, mean and 1/√(σ²+ε) for
 * the backward pass; running statistics advance group by group.
 */
export interface NormStatisticsKernel {
  readonly kind: "norm-statistics";
  readonly channels: number;
  /** Values per channel and group, of clean images. */
  readonly count: number;
  readonly sums: PartialSums;
  /** 1 and 0 where undefined. */
  readonly gamma: Operand | undefined;
  readonly beta: Operand | undefined;
  /** Undefined: they stay as they are. */
  readonly running: { readonly mean: Operand; readonly variance: Operand } | undefined;
  readonly epsilon: number;
  readonly momentum: number;
  /** `[P, 2, C]`: scale, shift. */
  readonly coefficients: Operand;
  /** `[P, 2, C]`: mean, inverse standard deviation. */
  readonly saved: Operand;
}

export const normStatistics: KernelDescription<NormStatisticsKernel> = {
  access({ sums, gamma, beta, running, coefficients, saved }) {
    const advanced = present(running?.mean, running?.variance);
    return {
      reads: [sums.operand, ...present(gamma, beta), ...advanced],
      writes: [coefficients, saved, ...advanced],
      inPlace: [],
    };
  },
  flops: ({ sums }) => sums.operand.length,
  shapes: ({ channels, sums }) => `[${channels}], ${sums.parts} parts`,
};

/**
 * A batch norm in evaluation mode: scale and shift for readers, from running statistics. On the
 * device, as those of a student in training change with every step.
 */
export interface RunningNormKernel {
  readonly kind: "running-norm";
  readonly channels: number;
  /** 1 and 0 where undefined. */
  readonly gamma: Operand | undefined;
  readonly beta: Operand | undefined;
  readonly mean: Operand;
  readonly variance: Operand;
  readonly epsilon: number;
  /** `[1, 2, C]`: scale, shift. */
  readonly coefficients: Operand;
  /** `[1, 2, C]`: scale, 0; what a gradient meets on its way back. */
  readonly slopes: Operand;
}

export const runningNorm: KernelDescription<RunningNormKernel> = {
  access: ({ gamma, beta, mean, variance, coefficients, slopes }) => ({
    reads: [...present(gamma, beta), mean, variance],
    writes: [coefficients, slopes],
    inPlace: [],
  }),
  flops: ({ channels }) => 4 * channels,
  shapes: ({ channels }) => `[${channels}]`,
};

/** dγ and dβ += over groups; factors of dz = a·g + b·z + d per channel and group. */
export interface NormGradientFactorsKernel {
  readonly kind: "norm-gradient-factors";
  readonly channels: number;
  /** As in the forward pass. */
  readonly count: number;
  /** Σg and Σ g·z, over images and copies. */
  readonly sums: PartialSums;
  /** 1 where undefined. */
  readonly gamma: Operand | undefined;
  /** `[P, 2, C]`: mean, inverse standard deviation. */
  readonly saved: Operand;
  /** Where the norm has such. */
  readonly dGamma: Operand | undefined;
  readonly dBeta: Operand | undefined;
  /** `[P, 3, C]`: a, b, d. */
  readonly factors: Operand;
}

export const normGradientFactors: KernelDescription<NormGradientFactorsKernel> = {
  access: ({ sums, gamma, saved, dGamma, dBeta, factors }) => ({
    reads: [sums.operand, saved, ...present(gamma, dGamma, dBeta)],
    writes: [...present(dGamma, dBeta), factors],
    inPlace: [],
  }),
  flops: ({ sums }) => sums.operand.length,
  shapes: ({ channels, sums }) => `[${channels}], ${sums.parts} parts`,
};

/**
 * dz = a·g + b·z + d per channel and group; of copies a·g alone, since no statistics depend on them.
 */
export interface NormGradientKernel {
  readonly kind: "norm-gradient";
  readonly rows: number;
  /** Of each norm group: its first rows, which are not of copies. */
  readonly cleanRows: number;
  readonly channels: number;
  readonly g: Operand;
  readonly z: Operand;
  readonly factors: Operand;
  /** May be the memory of `g`. */
  readonly dz: Operand;
}

export const normGradient: KernelDescription<NormGradientKernel> = {
  access: ({ g, z, factors, dz }) => ({
    reads: [g, z, factors],
    writes: [dz],
    inPlace: pairs(dz, g),
  }),
  flops: ({ rows, channels }) => 4 * rows * channels,
  shapes: ({ rows, channels }) => `[${rows},${channels}]`,
};
