import * as z from "zod";
import { targetSchema } from "../../../client/attack/attack.ts";
import { decisionsSchema } from "../../../protocol/round/decisions.ts";
import { scoreSummarySchema } from "../../../protocol/round/score-summary.ts";

const fraction = z.number().min(0).max(1);
const share = fraction.nullable();
const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** Label-free scores that a round's participants sent, summed up. */
const heldOutSchema = z.strictObject({
  images: z.int(),
  loss: z.number(),
  agreement: fraction,
  /** Followed of moved images of all participants. */
  transferRate: share,
  perturbed: z.array(
    z.strictObject({
      radius: z.number(),
      agreement: fraction,
      /** The class most of the flips went to, and its share of them. */
      topClass: z.int().nullable(),
      topShare: share,
    }),
  ),
  /** What decisions go by: they can be taken again from a curve, by other rules. */
  medians: scoreSummarySchema.shape.medians,
});
export type HeldOutScores = z.output<typeof heldOutSchema>;

/** One round of a campaign: figures and scores are of the student that it began with. */
const curvePointSchema = z.strictObject({
  round: z.int().nonnegative(),
  leg: z.enum(["probe", "main"]),
  candidate: z.int().nonnegative(),
  /** Rounds trained before, in this leg. */
  roundOfLeg: z.int().nonnegative(),
  judging: z.boolean(),
  /** Null where the bench did not look. */
  acc: share,
  asr: share,
  ra: share,
  /** Of the round's own steps: what they started from is one round younger. */
  trainingLoss: z.number().nullable(),
  trainingAgreement: share,
  heldOut: heldOutSchema.nullable(),
});
export type CurvePoint = z.output<typeof curvePointSchema>;

/** A line of the results' file: one run, done. */
export const resultSchema = z.strictObject({
  format: z.literal("scour-cleanse-1"),
  /** Name of the run, from its inputs' digests, the target and all settings. */
  run: z.string().regex(/^[0-9a-f]{16}$/),
  case: z.string(),
  strategy: z.string(),
  /** Null for a campaign; else what it is, and whether it used labels. */
  control: z.strictObject({ kind: z.string(), labels: z.boolean() }).nullable(),
  seed: z.int().nonnegative(),
  participants: z.int().positive(),
  digests: z.strictObject({
    model: digest,
    pool: digest,
    test: digest,
    triggered: digest.nullable(),
  }),
  /** What the attacker wants; null for a clean model, left out where it was not written down yet. */
  target: targetSchema.nullable().optional(),
  classes: z.int(),
  pool: z.strictObject({
    file: z.string(),
    /** Not the case's own pool: images of another distribution. */
    swapped: z.boolean(),
    /** Given with --pool-size. */
    size: z.int().nullable(),
    skew: z.number().nullable(),
    /** Images of each participant. */
    shares: z.array(z.int()),
  }),
  /** `--set`, as given. */
  overrides: z.array(z.string()),
  /** As the coordinator made it, all defaults filled in; kept as it was, whatever campaigns become. */
  config: z.record(z.string(), z.unknown()),
  /** The norm whose agreement the correlations and curves are of. */
  middleRadius: z.number(),
  before: z.strictObject({ acc: share, asr: share, ra: share }),
  after: z.strictObject({ acc: share, asr: share, ra: share, agreement: share }),
  der: z.number().nullable(),
  testImages: z.int(),
  curve: z.array(curvePointSchema),
  ...decisionsSchema.shape,
  /** Strengths of the candidates, by the curve's `candidate`. */
  strengths: z.array(z.number()),
  /** Images that participants trained on, each time counted; perturbed copies not. */
  images: z.int(),
  /** Wall time of the campaign, without what the bench itself looked at. */
  seconds: z.number(),
  imagesPerSecond: z.number(),
  machine: z.string(),
  engine: z.string(),
  threads: z.int().nullable(),
  commit: z.string(),
  finishedAt: z.string(),
});
export type BenchResult = z.output<typeof resultSchema>;
