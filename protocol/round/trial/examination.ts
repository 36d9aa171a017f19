import { z } from "zod";
import { deviceSchema, signatureSchema } from "../identifiers.ts";
import { scoresSchema } from "../judging.ts";

/** Held-out images that disturbances lead to their class in the teacher, and in the student too. */
const ledSchema = z.strictObject({
  moved: z.int().nonnegative(),
  followed: z.int().nonnegative(),
});

/** What one participant sees of one student, on its held-out images (SPEC K3). */
const examinationSchema = z.strictObject({
  ...scoresSchema.pick({ images: true, loss: true, agreement: true, transfer: true }).shape,
  /** Under the shortcuts that it found in the teacher, and under what bends images; all together. */
  shortcuts: ledSchema,
  bends: ledSchema,
  /** Disturbed copies that were looked at, and those on which the student keeps the teacher's clean answer. */
  copies: z.strictObject({ looked: z.int().nonnegative(), kept: z.int().nonnegative() }),
});
export type Examination = z.output<typeof examinationSchema>;

/** A candidate beside the student that its round began with, by one participant on the same images. */
export const comparisonSchema = z.strictObject({
  candidate: examinationSchema,
  last: examinationSchema,
});
export type Comparison = z.output<typeof comparisonSchema>;

/** A participant's word on a candidate. */
export const voteRequestSchema = z.strictObject({
  /** Which of the attempt's, from 0. */
  candidate: z.int().nonnegative(),
  /** null from one who holds no images out: it has been asked, and has no say. */
  comparison: comparisonSchema.nullable(),
  seconds: z.number().nonnegative(),
  backend: deviceSchema,
  /** By the key that the participant enrolled with (SPEC K3.4); left out by one who has none. */
  signature: signatureSchema.optional(),
});
export type VoteRequest = z.output<typeof voteRequestSchema>;

export const voteReplySchema = z.object({
  round: z.int(),
  attempt: z.int(),
  candidate: z.int(),
});
export type VoteReply = z.output<typeof voteReplySchema>;
