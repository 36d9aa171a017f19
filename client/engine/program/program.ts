/**
 * A step of distillation as a static list of kernels over preallocated memory. Pure data: what a
 * backend needs to generate code and run, with every shape, address and order decided beforehand.
 *
 * Memory is float32, but for activations that a program compiled for `f16` keeps as halves.
 * Activations are channels-last (`[N, H, W, C]`, `[N, C]`), convolution weights
 * `[kh, kw, in/groups, out]` (`device-layout.ts` converts), everything else as the state vector has
 * it.
 *
 * A batch is worked through in micro-batches of P whole norm groups of G images each, so N = P·G. A
 * batch norm takes its statistics over each group by itself; per-group vectors are `[P, …]`. Where
 * perturbed copies follow a group's images (`copy-kernels.ts`), statistics are those of the images,
 * as they would be without copies, and the copies are normalised with them too.
 * Sums over groups and over partial sums are taken in index order, by addition to what is there, so
 * that the number of groups a micro-batch has changes no bit of the result.
 */

import type { Activation } from "../../../protocol/model/graph.ts";
import type { CollectAscentKernel, PerturbKernel } from "./copy-kernels.ts";
import type {
  HeadKernel,
  LinearGradientKernel,
  LinearKernel,
  LossKernel,
  PoolKernel,
} from "./head-kernels.ts";
import type {
  NormGradientFactorsKernel,
  NormGradientKernel,
  NormStatisticsKernel,
  RunningNormKernel,
} from "./norm-kernels.ts";
import {
  bytesIn,
  type Operand,
  type PartialSums,
  type Reading,
  type StatisticsSums,
} from "./operands.ts";

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
  readonly stride: number;
  readonly padding: number;
  /** 1: ordinary; = channelsIn: depthwise. */
  readonly groups: number;
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

/** A value that an activation gave, from which its derivative is told. */
export interface ActivatedValue {
  readonly activation: Activation;
  readonly value: Reading;
}

/**
 * What a gradient meets on its way to a value: contributions are added up, then come through the
 * activation that gave the value, if one did, then the sums a batch norm's gradient needs are taken.
 */
export interface GradientEpilogue {
  /** Earlier contributions of the same shape; may be the memory of the output. */
  readonly addend: Operand | undefined;
  /** Undefined: no activation. */
  readonly activated: ActivatedValue | undefined;
  /** Σg and Σ g·z over the gradient g before the activation, z the batch norm's input. */
  readonly sums: (PartialSums & { readonly z: Operand }) | undefined;
}

/** Gradient with respect to a convolution's input, through an epilogue. */
export interface InputGradientKernel {
  readonly kind: "input-gradient";
  readonly geometry: ConvGeometry;
  readonly dy: Operand;
  readonly weight: Operand;
  readonly dx: Operand;
  readonly epilogue: GradientEpilogue;
}

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

/** y = f(x + addend), f an activation or none, each read as it is or normalised. `rows` = positions of all images. */
export interface CombineKernel {
  readonly kind: "combine";
  readonly rows: number;
  readonly channels: number;
  readonly x: Reading;
  readonly addend: Reading | undefined;
  readonly activation: Activation | undefined;
  /** May be the memory of either input. */
  readonly y: Operand;
  /** Where a batch norm reads y. */
  readonly sums: StatisticsSums | undefined;
}

/**
 * g = epilogue(dy): what an input gradient's epilogue does, standing alone. `dy` of one value per
 * image and channel (`broadcast`) is the gradient of a mean over positions, divided by their number.
 */
export interface GatherGradientKernel {
  readonly kind: "gather-gradient";
  readonly rows: number;
  readonly channels: number;
  /** Positions of an image. */
  readonly positions: number;
  readonly dy: Operand;
  readonly broadcast: boolean;
  /** May be the memory of `dy` unless broadcast. Undefined: only sums are wanted. */
  readonly g: Operand | undefined;
  readonly epilogue: GradientEpilogue;
}

export type Kernel =
  | ConvolveKernel
  | InputGradientKernel
  | FilterGradientKernel
  | NormStatisticsKernel
  | RunningNormKernel
  | CombineKernel
  | GatherGradientKernel
  | NormGradientFactorsKernel
  | NormGradientKernel
  | PoolKernel
  | LinearKernel
  | LinearGradientKernel
  | LossKernel
  | HeadKernel
  | PerturbKernel
  | CollectAscentKernel;

/** Which pass of the step a kernel belongs to. */
export type Pass = "teacher" | "forward" | "loss" | "backward";

export interface ScheduledKernel {
  readonly pass: Pass;
  readonly kernel: Kernel;
  /** Images of a norm group in this kernel's pass: with copies there are more of them. */
  readonly groupSize: number;
}

/** One micro-batch of a step: the same for each, run after each other. */
export interface Program {
  /** G */
  readonly groupSize: number;
  /** P */
  readonly groups: number;
  /** `[N, H, W, C]`: the host (or a kernel of the backend's own) puts the images here. */
  readonly images: Operand;
  /** `[N, classes]`, live to the end: the student's, or of an evaluation the model's. */
  readonly logits: Operand;
  readonly kernels: readonly ScheduledKernel[];
  /** Floats of the arena. */
  readonly arenaLength: number;
  /** Halves of the activations in binary16; 0 in float32. */
  readonly halvesLength: number;
  /** Bytes of all buffers of both together, as if none shared memory. */
  readonly unsharedBytes: number;
}

/** Bytes of the memory a program reuses: what grows with the batch. */
export function activationBytes({ arenaLength, halvesLength }: Program): number {
  return bytesIn("arena", arenaLength) + bytesIn("halves", halvesLength);
}
