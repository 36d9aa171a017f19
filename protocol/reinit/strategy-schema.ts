import { z } from "zod";

const fraction = z.number().min(0).max(1);

/** A participant with fewer images sends no statistics of them (SPEC B3). */
export const LEAST_STATISTICS_IMAGES = 32;

const granularitySchema = z.enum(["weight", "channel"]);

/** Shares by depth, before strength and scores (SPEC I5). */
const byDepth = {
  /** Share of weights re-initialised per depth stage, shallowest first; default .01·3^(stage−1). */
  ratios: z.array(fraction).min(1).max(16).optional(),
  /** Share for the classification head; default .10. */
  head: fraction.optional(),
};

/** Shares in proportion to a score of each output channel (SPEC I8). */
const byScore = {
  ...byDepth,
  granularity: granularitySchema.default("weight"),
  /**
   * Channels whose score lies more than so many standard deviations above their layer's mean are
   * re-initialised whole; 0 for none. Below 1 it would take in ordinary channels.
   */
  outliers: z
    .number()
    .max(100)
    .refine((u) => u === 0 || u >= 1, "must be 0 for none, or 1 to 100 standard deviations")
    .default(3),
};

/**
 * Which values of the teacher the student loses (SPEC I5 to I10): layer-wise as in BCU (Pang et al.
 * 2023), alike everywhere, by channel Lipschitz scores as in CLP (Zheng et al., ECCV 2022), by the
 * divergence of batch-norm statistics as in BNP (Zheng et al., NeurIPS 2022), or the head alone as in
 * FST (Min et al., NeurIPS 2023).
 */
export const reinitStrategySchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("layerwise"),
    ...byDepth,
    /** Whether a mask bit decides for a value or an output channel (SPEC I7); default `weight`. */
    granularity: granularitySchema.optional(),
  }),
  z.strictObject({
    kind: z.literal("uniform"),
    ratio: fraction,
    granularity: granularitySchema.optional(),
  }),
  z.strictObject({ kind: z.literal("lipschitz"), ...byScore }),
  z.strictObject({
    kind: z.literal("bn-divergence"),
    ...byScore,
    /** Most images a participant takes statistics over (SPEC B2). */
    images: z.int().min(LEAST_STATISTICS_IMAGES).max(65_536).default(512),
  }),
  /** Share of the head; 1 draws all of it anew. */
  z.strictObject({ kind: z.literal("head"), head: fraction.default(1) }),
]);

export type ReinitStrategy = z.output<typeof reinitStrategySchema>;
