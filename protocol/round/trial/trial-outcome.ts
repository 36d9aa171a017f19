import { z } from "zod";
import {
  digestSchema,
  participantIdSchema,
  publicKeySchema,
  signatureSchema,
} from "../identifiers.ts";
import { comparisonSchema } from "./examination.ts";
import { tallySchema } from "./tally.ts";

/** How a round's candidates were tried, as its link has it (SPEC K10). */
export const trialOutcomeSchema = z.object({
  /** Whose updates came, in the order drawn. */
  parties: z.array(z.string()),
  candidates: z.array(
    z.object({
      leftOut: z.array(z.string()),
      student: z.array(digestSchema),
      tally: tallySchema.nullable(),
      /** In canonical order. */
      votes: z.array(
        z.object({
          participant: participantIdSchema,
          comparison: comparisonSchema.nullable(),
          vote: digestSchema.optional(),
          key: publicKeySchema.optional(),
          signature: signatureSchema.optional(),
        }),
      ),
    }),
  ),
  /** The one that became the student, and why. */
  chosen: z.int().nonnegative(),
  reason: z.enum(["good", "untried", "better-without", "nobody-stands-out"]),
  doubts: z.array(z.enum(["agreement", "copies", "transfer", "shortcuts", "bends"])),
});
export type TrialOutcome = z.output<typeof trialOutcomeSchema>;

/** The same in short, for people who watch. */
export const trialReportSchema = z.object({
  /** How many candidates were tried. */
  candidates: z.int(),
  /** Participants who voted on the first. */
  voters: z.int(),
  /** Parties whose updates were left out of the student. */
  leftOut: z.array(z.string()),
  reason: trialOutcomeSchema.shape.reason.nullable(),
  doubts: trialOutcomeSchema.shape.doubts,
});
export type TrialReport = z.output<typeof trialReportSchema>;
