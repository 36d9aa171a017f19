import { addPlaceGradient, warpImage } from "../../host/host-warp.ts";
import type { CollectAscentKernel, PerturbKernel } from "../../program/kernels/copies.ts";
import { isWarped, samplesOf } from "../../host/warp-field.ts";
import type { Floats } from "./host-kernels.ts";

/** What a run perturbs copies with: of one δ for all, or of one for each copy of the micro-batch. */
export interface Perturbation {
  /** `[H, W, C]` or `[copies, H, W, C]`; with a warp φ `[grid, grid, 2]` behind the one δ. */
  readonly values: Float32Array;
  /** `[H, W, C]`, added to all copies besides. */
  readonly pattern?: Float32Array | undefined;
  /**
   * Σ of the gradients by δ, of the same shape, and with a warp by every pixel's displacement,
   * `[H, W, 2]`; added to.
   */
  readonly ascent: Float32Array;
}

/** Images, then copies with δ or warped by φ, and the pattern on them, norm group by norm group. */
export function perturb(
  floats: Floats,
  kernel: PerturbKernel,
  groups: number,
  { values, pattern }: Perturbation,
): void {
  const { imageLength, perImage } = kernel;
  const { groupSize, clean, copies } = kernel.rows;
  const samples = kernel.warp && samplesOf(values.subarray(imageLength), kernel.warp);
  const images = floats(kernel.images);
  const perturbed = floats(kernel.perturbed);
  let to = 0;
  for (let group = 0; group < groups; group++) {
    const start = group * groupSize * imageLength;
    perturbed.set(images.subarray(start, start + clean * imageLength), to);
    to += clean * imageLength;
    for (let copy = 0; copy < copies; copy++) {
      const from = start + copy * imageLength;
      const own = perturbed.subarray(to, (to += imageLength));
      if (samples && isWarped(copy)) {
        warpImage(images, from, samples, own);
      } else {
        const delta = perImage ? (group * copies + copy) * imageLength : 0;
        for (let i = 0; i < imageLength; i++) own[i] = images[from + i]! + values[delta + i]!;
      }
      if (kernel.patterned) {
        for (let i = 0; i < imageLength; i++) own[i] = own[i]! + pattern![i]!;
      }
    }
  }
}

/** Adds the copies' gradients to the sums, copy after copy. */
export function collectAscent(
  floats: Floats,
  kernel: CollectAscentKernel,
  groups: number,
  { values, ascent }: Perturbation,
): void {
  const { imageLength, perImage, warp } = kernel;
  const { groupSize, clean, copies } = kernel.rows;
  const gradient = floats(kernel.gradient);
  const images = warp && floats(warp.images);
  const samples = warp && samplesOf(values.subarray(imageLength), warp);
  for (let group = 0; group < groups; group++) {
    for (let copy = 0; copy < copies; copy++) {
      const from = (group * (clean + copies) + clean + copy) * imageLength;
      if (images && samples && isWarped(copy)) {
        const own = gradient.subarray(from, from + imageLength);
        const image = (group * groupSize + copy) * imageLength;
        addPlaceGradient(images, image, samples, own, ascent.subarray(imageLength));
        continue;
      }
      const to = perImage ? (group * copies + copy) * imageLength : 0;
      for (let i = 0; i < imageLength; i++) {
        ascent[to + i] = ascent[to + i]! + gradient[from + i]!;
      }
    }
  }
}
