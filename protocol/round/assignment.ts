import { z } from "zod";
import { hiddenUpdateSchema } from "../privacy/two-operators/sealed-seed-schema.ts";
import { fitSchema } from "./fit.ts";
import {
  deviceSchema,
  digestSchema,
  momentSchema,
  shownSchema,
  signatureSchema,
} from "./identifiers.ts";
import { lossSchema, scoresSchema } from "./judging.ts";
import { campaignStateSchema } from "./states.ts";

/** Fastest speed that is believed, images per second (SPEC R11). */
export const MAX_IMAGES_PER_SECOND = 1e7;

/** What a participant says of itself when it asks what to do. */
export const checkInRequestSchema = z.strictObject({
  /** Speed of local steps: from a benchmark before the first round, then from the last round. */
  imagesPerSecond: z.number().positive().max(MAX_IMAGES_PER_SECOND).optional(),
  /** The device in use, for people. */
  backend: deviceSchema.optional(),
  /** What the teacher makes of its images (SPEC F1); once is enough. */
  fit: fitSchema.optional(),
  /** It tells `fit` and waits for a person's word: it takes no place (SPEC F2). */
  undecided: z.literal(true).optional(),
});
export type CheckInRequest = z.infer<typeof checkInRequestSchema>;

/** The leg of a student that a round belongs to (SPEC J4). */
const legSchema = z.object({
  kind: z.enum(["probe", "main"]),
  /** Index into the campaign's `starts`: the leg's first round begins with its student₀. */
  candidate: z.int().nonnegative(),
  roundOfLeg: z.int().nonnegative(),
  /** As planned; the judging round comes after them, or sooner (SPEC J6, J7). */
  trainingRounds: z.int().positive(),
});

/** The leg that any round belongs to: a statistics round comes before there are students (SPEC B1). */
export const roundLegSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("statistics") }),
  legSchema,
]);
export type RoundLeg = z.infer<typeof roundLegSchema>;

/** One participant's part in one attempt of one round. */
const assignmentSchema = z.object({
  kind: z.literal("assignment"),
  /** Rounds count from 0; an attempt counts the void ones before it. */
  round: z.int().nonnegative(),
  attempt: z.int().nonnegative(),
  /** Updates committed later are stale. */
  deadline: momentSchema,
  /** Digest of each slice of the round's student, raw little-endian float32 (SPEC S5). */
  student: z.array(digestSchema),
  leg: legSchema,
  /** Steps taken in earlier rounds of the leg, and in all of it: schedules run on these (SPEC D2). */
  startStep: z.int().nonnegative(),
  totalSteps: z.int().positive(),
  /**
   * Steps to take, at most the campaign's `localSteps` (SPEC R12, D8); 0 in a judging round, where
   * scores are all that is asked for (SPEC J3).
   */
  localSteps: z.int().nonnegative(),
  /** What this participant has to be told: that its updates were left out, and why (SPEC K9). */
  notice: shownSchema.optional(),
});
export type Assignment = z.infer<typeof assignmentSchema>;

/** A part in the statistics round: sums over its own images, and no student (SPEC B2). */
const statisticsAssignmentSchema = z.object({
  kind: z.literal("statistics"),
  round: z.int().nonnegative(),
  attempt: z.int().nonnegative(),
  deadline: momentSchema,
});
export type StatisticsAssignment = z.infer<typeof statisticsAssignmentSchema>;

/** One participant's part in trying what a round came to (SPEC K3). */
const trialAssignmentSchema = z.object({
  kind: z.literal("trial"),
  round: z.int().nonnegative(),
  attempt: z.int().nonnegative(),
  /** Of the attempt, from 0. */
  candidate: z.int().nonnegative(),
  /** Votes that come later are stale. */
  deadline: momentSchema,
  leg: legSchema,
  /** Slices of the candidate, and of the student that the round began with. */
  student: z.array(digestSchema),
  last: z.array(digestSchema),
});
export type TrialAssignment = z.infer<typeof trialAssignmentSchema>;

/** Nothing to do now; ask again after `retryAfterMs`, or when an event says so. */
const waitSchema = z.object({
  kind: z.literal("wait"),
  reason: z.enum([
    "not-started",
    "paused",
    "round-full",
    "invite-full",
    "combining",
    "already-contributed",
    "too-late",
    "undecided",
    /** This participant refused the attempt's student (SPEC J12). */
    "broken-student",
  ]),
  round: z.int().nonnegative(),
  retryAfterMs: z.int().positive(),
});

/** Even the fewest steps would take this participant too long, in this round or another (R13). */
const tooSlowSchema = z.object({
  kind: z.literal("too-slow"),
  round: z.int().nonnegative(),
  /** As reported, and the least that would do. */
  imagesPerSecond: z.number(),
  neededImagesPerSecond: z.number(),
  detail: shownSchema,
});

/** The campaign takes no more updates. */
const endedSchema = z.object({
  kind: z.literal("ended"),
  state: campaignStateSchema,
  /** Why, where there is more to say than the state. */
  detail: shownSchema.nullable().default(null),
  round: z.int().nonnegative(),
});

/** Answer to a check-in. */
export const checkInReplySchema = z.discriminatedUnion("kind", [
  assignmentSchema,
  statisticsAssignmentSchema,
  trialAssignmentSchema,
  waitSchema,
  tooSlowSchema,
  endedSchema,
]);
export type CheckInReply = z.infer<typeof checkInReplySchema>;

/** Which slices of this participant's update are stored already: where an upload resumes. */
export const uploadStatusSchema = z.object({
  slices: z.array(z.object({ index: z.int().nonnegative(), digest: digestSchema })),
  committed: z.boolean(),
});
export type UploadStatus = z.infer<typeof uploadStatusSchema>;

/** Closes an update: all its slices are stored under these digests. */
export const commitRequestSchema = z.strictObject({
  /**
   * Digest of each slice's frame, by slice index; none in a judging round, in a statistics round those
   * of the statistics section alone (SPEC B2).
   */
  slices: z.array(digestSchema).max(4096),
  /**
   * Images the local steps used: the update's weight, capped by the coordinator. In a statistics
   * round the images measured; 0 from a participant that has too few (SPEC B3).
   */
  examples: z.int().nonnegative(),
  /** Mean distillation loss of the local steps, nats; in a judging round the scores' (SPEC J3). */
  loss: lossSchema,
  /** Share of those images on which student and teacher gave the same class. */
  agreement: z.number().min(0).max(1),
  /** Of the round's student as it was handed out, on held-out images; null where too few are there. */
  scores: scoresSchema.nullable().default(null),
  /** Wall time of the local steps. */
  seconds: z.number().nonnegative(),
  backend: deviceSchema,
  /** In a private campaign's training rounds, and only there: what goes with masked slices (SPEC M9.3). */
  hidden: hiddenUpdateSchema.optional(),
  /** By the key that the participant enrolled with (SPEC A7); left out by one who has none. */
  signature: signatureSchema.optional(),
});
export type CommitRequest = z.infer<typeof commitRequestSchema>;

/** Verdict on an update; a rejection always says why. */
export const commitReplySchema = z.discriminatedUnion("verdict", [
  z.object({ verdict: z.literal("accepted"), round: z.int(), weight: z.number() }),
  z.object({
    verdict: z.literal("rejected"),
    round: z.int(),
    reason: z.enum(["goal-reached", "invite-full", "organisation-full", "too-few-images"]),
    detail: shownSchema,
  }),
]);
export type CommitReply = z.infer<typeof commitReplySchema>;
