import type { CollectAscentKernel, PerturbKernel } from "../program/copy-kernels.ts";
import type { Floats } from "./host-kernels.ts";

/** What a run perturbs copies with: of one δ for all, or of one for each copy of the micro-batch. */
export interface Perturbation {
  /** `[H, W, C]` or `[copies, H, W, C]` */
  readonly values: Float32Array;
  /** Σ of the gradients by the values, of the same shape; added to. */
  readonly ascent: Float32Array;
}

/** Images, then copies with δ, norm group by norm group. */
export function perturb(
  floats: Floats,
  kernel: PerturbKernel,
  groups: number,
  { values }: Perturbation,
): void {
  const { imageLength, perImage } = kernel;
  const { groupSize, clean, copies } = kernel.rows;
  const images = floats(kernel.images);
  const perturbed = floats(kernel.perturbed);
  let to = 0;
  for (let group = 0; group < groups; group++) {
    const start = group * groupSize * imageLength;
    perturbed.set(images.subarray(start, start + clean * imageLength), to);
    to += clean * imageLength;
    for (let copy = 0; copy < copies; copy++) {
      const from = start + copy * imageLength;
      const delta = perImage ? (group * copies + copy) * imageLength : 0;
      for (let i = 0; i < imageLength; i++) {
        perturbed[to++] = images[from + i]! + values[delta + i]!;
      }
    }
  }
}

/** Adds the copies' gradients to the sums, copy after copy. */
export function collectAscent(
  floats: Floats,
  kernel: CollectAscentKernel,
  groups: number,
  { ascent }: Perturbation,
): void {
  const { imageLength, perImage } = kernel;
  const { clean, copies } = kernel.rows;
  const gradient = floats(kernel.gradient);
  for (let group = 0; group < groups; group++) {
    for (let copy = 0; copy < copies; copy++) {
      const from = (group * (clean + copies) + clean + copy) * imageLength;
      const to = perImage ? (group * copies + copy) * imageLength : 0;
      for (let i = 0; i < imageLength; i++) {
        ascent[to + i] = ascent[to + i]! + gradient[from + i]!;
      }
    }
  }
}
