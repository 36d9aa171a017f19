import { z } from "zod";
import { CLASSES } from "../model/graph.ts";

/**
 * Constants of the rules that read scores. `rise` was set on students of one CIFAR-10 BadNets teacher
 * (ResNet-18 of width 16), scored by six participants with 62 images each in an independent
 * implementation: under plain distillation the transfer rate rose from .22 to .75 while ASR rose from
 * 17 to 64 %; with doubled ratios, ASR 6 to 15 %, it moved between .05 and .15 to no end; with
 * adversarial consistency, ASR 2 to 4 %, between .01 and .04. `most` lies between what campaigns of the
 * bench came to (docs/results): at most .22 with the default on teachers with a backdoor and without,
 * .5 to 1 where plain distillation was left to run to an ASR of 50 to 100 %. `reach` was set on seven
 * teachers of six participants each, medians over them: .75 to 1 of four that a patch or a noise image
 * triggers (CIFAR-10 and GTSRB), .1 to .4 of a clean one and of two that a sinusoid or a warp triggers.
 */
const REGROWTH = { reach: 0.6, rise: 0.1, most: 0.5, window: 3 } as const;
const STOPPING = { learningRateShare: 0.1, window: 5, change: 0.003 } as const;

/** When the backdoor is taken to grow back (SPEC J6). */
const regrowthSchema = z.strictObject({
  /** `report` says it and goes on. */
  action: z.enum(["fall-back", "report"]).default("fall-back"),
  /**
   * Share of images that a perturbation of the smallest norm has to lead to one class in the teacher
   * for what students inherit to be taken for a backdoor's, the mean over `window` rounds; 0: any.
   */
  reach: z.number().min(0).max(1).default(REGROWTH.reach),
  /** How far the transfer rate is above its least when it is an alarm. */
  rise: z.number().positive().max(1).default(REGROWTH.rise),
  /** How large the transfer rate may be at all; 1: as large as it likes. */
  most: z.number().positive().max(1).default(REGROWTH.most),
  /** Scored rounds that are averaged over. */
  window: z.int().min(1).max(100).default(REGROWTH.window),
});

/** When a leg has nothing more to gain (SPEC J7). */
const stoppingSchema = z.strictObject({
  /** Looked at once the learning rate is below this share of its peak. */
  learningRateShare: z.number().positive().max(1).default(STOPPING.learningRateShare),
  /** Scored rounds in each of the two means that are compared. */
  window: z.int().min(1).max(100).default(STOPPING.window),
  /** Scores that moved by less do not move any more. */
  change: z.number().positive().max(1).default(STOPPING.change),
});

/** How far a student that still makes its teacher's mistakes is taken on (SPEC J13). */
const overshootSchema = z.strictObject({
  /** What its distance from the teacher is multiplied by. */
  factor: z.number().gt(1).max(4).default(1.3),
  /** It goes on where the transfer rate is above this, the mean over `window` rounds. */
  transfer: z.number().min(0).max(1).default(0.1),
  /** Scored rounds that are averaged over. */
  window: z.int().min(1).max(100).default(3),
});

/** How far a student that makes hardly any of its teacher's mistakes is taken back (SPEC J14). */
const pullBackSchema = z.strictObject({
  /** Of its distance from the teacher, this is kept. */
  share: z.number().positive().lt(1).default(0.5),
  /** It goes back where the transfer rate is at most this, the mean over `window` rounds. */
  transfer: z.number().min(0).max(1).default(0.03),
  /** Scored rounds that are averaged over. */
  window: z.int().min(1).max(100).default(3),
});

/** How participants score students on images they do not train on, and what follows (SPEC J). */
export const judgingSchema = z.strictObject({
  /** Share of a participant's images that it holds out. */
  heldOut: z.number().positive().max(0.5).default(0.1),
  /** Most images it scores with. */
  images: z.int().min(4).max(4096).default(64),
  /** Growing norms of the worst universal perturbation: root mean square in normalised units. */
  radii: z
    .array(z.number().positive().max(10))
    .min(1)
    .max(8)
    .refine((radii) => radii.every((radius, i) => i === 0 || radius > radii[i - 1]!), {
      message: "must grow",
    })
    .default([0.036, 0.072, 0.145]),
  /** Ascent steps at each norm in a judging round. */
  ascents: z.int().min(1).max(100).default(12),
  /**
   * Ascent steps at the middle norm before each training round, from where the last ones ended: for
   * a curve of agreement under the student's own worst perturbation. Decisions do without.
   */
  watchAscents: z.int().min(0).max(100).default(0),
  /** `null`: as by default, but the campaign never falls back. */
  regrowth: regrowthSchema.nullable().prefault({}),
  /** `null`: all rounds are run. */
  stopping: stoppingSchema.nullable().prefault({}),
  /** `null`: no student goes further than training leads. */
  overshoot: overshootSchema.nullable().prefault({}),
  pullBack: pullBackSchema.nullable().default(null),
});
export type Judging = z.output<typeof judgingSchema>;

/** How regrowth is looked for: with `regrowth: null` it is still told, never acted on. */
export function regrowthRule({ regrowth }: Judging): z.output<typeof regrowthSchema> {
  return regrowth ?? { action: "report", ...REGROWTH };
}

/** The norm of the teacher's perturbation: the middle one, of two the larger. */
export function middleRadius({ radii }: Judging): number {
  return radii[Math.floor(radii.length / 2)]!;
}

/**
 * Nats, as a participant tells them. No answers in float32 are as far apart as the limit; it keeps
 * sums over participants finite, which reports need.
 */
export const lossSchema = z.number().nonnegative().max(1e39);

/** What the worst universal perturbation found at one norm does to the answers. */
const perturbedScoreSchema = z.strictObject({
  radius: z.number().positive(),
  /** Share of held-out images where the student keeps the teacher's clean answer. */
  agreement: z.number().min(0).max(1),
  /** Images that left the teacher's answer, by the class they went to, `[classes]`. */
  flips: z.array(z.int().nonnegative()).max(CLASSES.most),
});

/** A student's label-free scores on one participant's held-out images. */
export const scoresSchema = z.strictObject({
  images: z.int().positive().max(1_000_000),
  /** KL(teacher ‖ student) at temperature 1, mean over the images, nats. */
  loss: lossSchema,
  /** Share of images with the teacher's answer. */
  agreement: z.number().min(0).max(1),
  /** Images that one perturbation leads to one class in the teacher, and in the student too. */
  transfer: z.strictObject({
    class: z.int().nonnegative(),
    /**
     * Share of its images that one of the smallest norm leads there. Left out by participants of before
     * it was asked for, and never filled in: links of the chain are digests of what was said (SPEC R9).
     */
    reach: z.number().min(0).max(1).optional(),
    moved: z.int().nonnegative(),
    followed: z.int().nonnegative(),
  }),
  /**
   * Of the fields of displacements that mislead the teacher (SPEC D9.8), the class that one half as long
   * leads to furthest, and the share of its images. Left out where none are sought.
   */
  bend: z
    .strictObject({ class: z.int().nonnegative(), reach: z.number().min(0).max(1) })
    .optional(),
  perturbed: z.array(perturbedScoreSchema).max(8),
});
export type Scores = z.output<typeof scoresSchema>;
