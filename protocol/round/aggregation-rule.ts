import { z } from "zod";
import { nameSchema } from "./identifiers.ts";

/**
 * How updates become one (SPEC O1, O5, O7). All but `mean` bound what one participant can do; those that
 * tell who is odd by distance or by coordinate need `hostile` of them to be few (SPEC O9).
 */
export const aggregationRuleSchema = z.discriminatedUnion("kind", [
  /** Each update is scaled to at most the median norm of its round first (SPEC O5). */
  z.strictObject({ kind: z.literal("median-clipped-mean") }),
  z.strictObject({ kind: z.literal("mean") }),
  /** Each update is scaled to at most this L2 norm over its trainable values first. */
  z.strictObject({ kind: z.literal("norm-clipped-mean"), clipNorm: z.number().positive() }),
  /** The median of each coordinate (Yin et al. 2018). */
  z.strictObject({ kind: z.literal("median") }),
  /** The mean of each coordinate without the `hostile` highest and lowest (Yin et al. 2018). */
  z.strictObject({ kind: z.literal("trimmed-mean") }),
  /** The one update that is nearest to most others (Blanchard et al. 2017). */
  z.strictObject({ kind: z.literal("krum") }),
  /** The mean of all but the `hostile` that are farthest from most (Blanchard et al. 2017). */
  z.strictObject({ kind: z.literal("multi-krum") }),
  /** Repeated Krum, then the values nearest the median (El Mhamdi et al. 2018). */
  z.strictObject({ kind: z.literal("bulyan") }),
  /** The point with the least sum of distances to all updates (RFA, Pillutla et al. 2022). */
  z.strictObject({
    kind: z.literal("geometric-median"),
    iterations: z.int().min(1).max(100).default(8),
    /** Least distance that is told from none. */
    smoothing: z.number().positive().default(1e-6),
  }),
  /** Steps from the last round's aggregate, each update's cut to a radius (Karimireddy et al. 2021). */
  z.strictObject({
    kind: z.literal("centred-clipping"),
    iterations: z.int().min(1).max(100).default(3),
    /** Left out: the median distance of the round's updates from where the step begins. */
    radius: z.number().positive().optional(),
  }),
  /** By how far each points where a trusted organisation's do (Cao et al. 2021). */
  z.strictObject({
    kind: z.literal("fltrust"),
    /** The operator's own, by the organisation that their invites name. */
    root: nameSchema,
  }),
  /** The larger half by direction, clipped to the median norm, with noise (Nguyen et al. 2022). */
  z.strictObject({
    kind: z.literal("flame"),
    /** λ: standard deviation of the noise, as a share of the median norm. */
    noise: z.number().min(0).max(1).default(0.001),
  }),
]);

/** What is done to updates before a rule sees them (SPEC O8). */
export const mixingSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("none") }),
  /** Means of that many, dealt out at random (Karimireddy, He & Jaggi 2022). */
  z.strictObject({ kind: z.literal("bucketing"), size: z.int().min(2).max(16).default(2) }),
  /** Each gives way to the mean of its n − `hostile` nearest (Allouah et al. 2023). */
  z.strictObject({ kind: z.literal("nearest-neighbours") }),
]);

export type AggregationRule = z.output<typeof aggregationRuleSchema>;
export type Mixing = z.output<typeof mixingSchema>;
