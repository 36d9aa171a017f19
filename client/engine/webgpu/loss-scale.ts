import type { Precision } from "../program/operands.ts";

/** What remains of the scale at the logits once it has met the 1/images of a mean. */
const SCALE_OF_AN_IMAGE = 2 ** 8;

/**
 * What the gradient of the loss is multiplied by on its way through the network; the optimiser
 * divides it out again. A half holds nothing below 2⁻²⁴ and no normal number below 2⁻¹⁴, where a
 * gradient with 1/images in it soon is; a linear backward pass may be scaled to where halves are
 * (loss scaling; Micikevicius et al. 2018, section 3.2). An image's gradient by its logits, of size
 * 1/T at most, becomes at least 256/T: room for a factor of 256 to the largest half, and for one of
 * 2²² to the least normal one. A power of two, which changes no bit of a float that stays normal.
 */
export function lossScaleOf(precision: Precision, images: number): number {
  return precision === "f32" ? 1 : SCALE_OF_AN_IMAGE * 2 ** Math.ceil(Math.log2(images));
}
