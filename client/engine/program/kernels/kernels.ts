import { biasGradient, type BiasGradientKernel } from "./bias.ts";
import {
  convolve,
  filterGradient,
  inputGradient,
  type ConvolveKernel,
  type FilterGradientKernel,
  type InputGradientKernel,
} from "./convolution.ts";
import {
  depthwise,
  depthwiseFilterGradient,
  depthwiseInputGradient,
  type DepthwiseFilterGradientKernel,
  type DepthwiseInputGradientKernel,
  type DepthwiseKernel,
} from "./depthwise.ts";
import { collectAscent, perturb, type CollectAscentKernel, type PerturbKernel } from "./copies.ts";
import {
  head,
  linear,
  linearGradient,
  loss,
  pool,
  type HeadKernel,
  type LinearGradientKernel,
  type LinearKernel,
  type LossKernel,
  type PoolKernel,
} from "./head.ts";
import type { Access, KernelDescription } from "./kernel.ts";
import { loops, type LoopsKernel } from "./loops.ts";
import {
  normGradient,
  normGradientFactors,
  normStatistics,
  runningNorm,
  type NormGradientFactorsKernel,
  type NormGradientKernel,
  type NormStatisticsKernel,
  type RunningNormKernel,
} from "./norm.ts";
import { product, type ProductKernel } from "./product.ts";
import { combine, gatherGradient, type CombineKernel, type GatherGradientKernel } from "./rows.ts";

/** What operations are made of: what machines know how to do. */
export type Kernel =
  | ConvolveKernel
  | InputGradientKernel
  | FilterGradientKernel
  | DepthwiseKernel
  | DepthwiseInputGradientKernel
  | DepthwiseFilterGradientKernel
  | BiasGradientKernel
  | NormStatisticsKernel
  | RunningNormKernel
  | CombineKernel
  | GatherGradientKernel
  | LoopsKernel
  | NormGradientFactorsKernel
  | NormGradientKernel
  | PoolKernel
  | LinearKernel
  | LinearGradientKernel
  | LossKernel
  | HeadKernel
  | PerturbKernel
  | CollectAscentKernel
  | ProductKernel;

const KERNELS: {
  readonly [Kind in Kernel["kind"]]: KernelDescription<Extract<Kernel, { kind: Kind }>>;
} = {
  convolve,
  "input-gradient": inputGradient,
  "filter-gradient": filterGradient,
  depthwise,
  "depthwise-input-gradient": depthwiseInputGradient,
  "depthwise-filter-gradient": depthwiseFilterGradient,
  "bias-gradient": biasGradient,
  "norm-statistics": normStatistics,
  "running-norm": runningNorm,
  combine,
  "gather-gradient": gatherGradient,
  loops,
  "norm-gradient-factors": normGradientFactors,
  "norm-gradient": normGradient,
  pool,
  linear,
  "linear-gradient": linearGradient,
  loss,
  head,
  perturb,
  "collect-ascent": collectAscent,
  product,
};

/** What a kernel reads and writes; each operand once. */
export function accessOf(kernel: Kernel): Access {
  const description: KernelDescription<Kernel> = KERNELS[kernel.kind];
  return description.access(kernel);
}

/** Multiplications and additions of a kernel, and its shapes for people. */
export function costOf(kernel: Kernel): { readonly flops: number; readonly shapes: string } {
  const description: KernelDescription<Kernel> = KERNELS[kernel.kind];
  return { flops: description.flops(kernel), shapes: description.shapes(kernel) };
}
