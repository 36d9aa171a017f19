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
 * perturbed copies follow a group's images (`kernels/copies.ts`), statistics are those of the images,
 * as they would be without copies, and the copies are normalised with them too.
 * Sums over groups and over partial sums are taken in index order, by addition to what is there, so
 * that the number of groups a micro-batch has changes no bit of the result.
 */

import type { Kernel } from "./kernels/kernels.ts";
import { bytesIn, type Operand } from "./operands.ts";

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
