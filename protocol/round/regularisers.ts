import { z } from "zod";

/**
 * Sharpness-aware local steps (SPEC D10; FT-SAM, Zhu et al., ICCV 2023): what a student learns has to
 * hold for weights nearby, too. In the paper ρ is 2 for 11 million weights; the same ρ moves each
 * weight of a smaller model further.
 */
const sharpnessSchema = z.strictObject({
  /** ρ: length of the way there, in changes relative to each weight. */
  rho: z.number().positive().max(100),
});

/**
 * Head shift (SPEC D11; FST, Min et al., NeurIPS 2023): linear layers turn away from the teacher's.
 * It means most with `head` re-initialisation, as in the paper, where its weight is 0.1 to 0.2.
 */
const headShiftSchema = z.strictObject({
  /** α of the inner product with the teacher's weights, beside the distillation loss. */
  weight: z.number().positive().max(100),
});

/**
 * Members of a campaign's distillation, a regulariser each: a record of numbers, `null` for none. One
 * that comes later is optional instead, so that stored configurations stay as they are.
 */
export const regulariserFields = {
  /** Sharpness-aware steps; `null` for plain ones. */
  sharpness: sharpnessSchema.nullable().default(null),
  /** Linear layers turn away from the teacher's; `null`: they do not. */
  headShift: headShiftSchema.nullable().default(null),
};

const regularisersSchema = z.strictObject(regulariserFields);

/** Regularisers of a campaign (SPEC D10, D11). */
export type Regularisers = Readonly<z.output<typeof regularisersSchema>>;

export const CAMPAIGN_REGULARISERS = regularisersSchema.keyof().options;

/** Why a campaign cannot have its regularisers, by the one that it is about; nothing if it can. */
export function unfitRegulariser(
  { headShift }: Regularisers,
  localSteps: number,
): { readonly regulariser: keyof Regularisers; readonly message: string } | undefined {
  if (headShift === null || localSteps > 1) return undefined;
  return {
    regulariser: "headShift",
    message:
      "a head shift needs at least 2 local steps: linear layers are brought to their length after " +
      "every step, and with 1 it is the coordinator that takes the step",
  };
}
