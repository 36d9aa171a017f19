import type { WarpShape } from "../../host/warp-field.ts";
import type { Operand } from "../operands.ts";
import { present, type KernelDescription } from "./kernel.ts";

/**
 * Kernels of adversarial consistency (`AdversarySettings`). The perturbation and the sum of its
 * gradients outlive a program; where they are is the backend's affair.
 */

/**
 * The rows of a pass with perturbed copies, norm group by norm group: the group's own images, then
 * copies of the first of them.
 */
export interface CopyRows {
  /** Images of a norm group of the batch. */
  readonly groupSize: number;
  /** Of them in the pass: all, or none where only copies are looked at. */
  readonly clean: number;
  /** Copies of a norm group. */
  readonly copies: number;
}

/** Images and copies as a student reads them: copies are images + δ, or warp(images, φ). */
export interface PerturbKernel {
  readonly kind: "perturb";
  readonly rows: CopyRows;
  /** H·W·C */
  readonly imageLength: number;
  /** Whether every copy has a δ of its own, copies in order. */
  readonly perImage: boolean;
  /** Of φ, which is behind the one δ; undefined without a warp. */
  readonly warp: WarpShape | undefined;
  /** Whether something is added to all copies besides. */
  readonly patterned: boolean;
  /** `[P·groupSize, H, W, C]` */
  readonly images: Operand;
  /** `[P·(clean + copies), H, W, C]` */
  readonly perturbed: Operand;
}

/** Of a value between four others, or of the gradient by where it is. */
const WARP_FLOPS = 12;

export const perturb: KernelDescription<PerturbKernel> = {
  access: ({ images, perturbed }) => ({ reads: [images], writes: [perturbed], inPlace: [] }),
  flops: ({ warp, perturbed }) => (warp ? WARP_FLOPS : 1) * perturbed.length,
  shapes: shapesOf,
};

/**
 * Adds the gradient of every copy, copies in order, to the sum that its δ ascends along: to one for
 * all, or to its own. With a warp the gradient by every pixel's displacement is added up likewise,
 * `[H, W, 2]`.
 */
export interface CollectAscentKernel {
  readonly kind: "collect-ascent";
  readonly rows: CopyRows;
  readonly imageLength: number;
  readonly perImage: boolean;
  /** `[P·(clean + copies), H, W, C]`: by what the pass read as images. */
  readonly gradient: Operand;
  /** What was warped before, by the φ that is there; undefined without a warp. */
  readonly warp: (WarpShape & { readonly images: Operand }) | undefined;
}

export const collectAscent: KernelDescription<CollectAscentKernel> = {
  access: ({ gradient, warp }) => ({
    reads: [gradient, ...present(warp?.images)],
    writes: [],
    inPlace: [],
  }),
  flops: ({ warp, gradient }) => (warp ? 1 + WARP_FLOPS : 1) * gradient.length,
  shapes: shapesOf,
};

function shapesOf({ rows, imageLength, warp }: PerturbKernel | CollectAscentKernel): string {
  const warped = warp ? `, warped by ${warp.grid}×${warp.grid} nodes` : "";
  return `${rows.clean} images and ${rows.copies} copies a group, ${imageLength} values each${warped}`;
}
