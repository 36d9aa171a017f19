import { z } from "zod";

/**
 * Sharpness-aware local steps (SPEC D10; FT-SAM, Zhu et al., ICCV 2023): what a student learns has to
 * hold for weights nearby, too. In the paper ρ is 2 for 11 million weights; the same ρ moves each
 * weight of a smaller model further.
 */
export const sharpnessSchema = z.strictObject({
  /** ρ: length of the way there, in changes relative to each weight. */
  rho: z.number().positive().max(100),
});

/**
 * Head shift (SPEC D11; FST, Min et al., NeurIPS 2023): linear layers turn away from the teacher's.
 * It means most with `head` re-initialisation, as in the paper, where its weight is 0.1 to 0.2.
 */
export const headShiftSchema = z.strictObject({
  /** α of the inner product with the teacher's weights, beside the distillation loss. */
  weight: z.number().positive().max(100),
});

export type Sharpness = z.output<typeof sharpnessSchema>;
export type HeadShift = z.output<typeof headShiftSchema>;
