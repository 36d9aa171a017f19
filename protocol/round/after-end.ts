import { z } from "zod";
import { modelSummarySchema } from "./access.ts";
import { decisionsSchema } from "./decisions.ts";
import {
  campaignIdSchema,
  digestSchema,
  momentSchema,
  participantIdSchema,
  shownSchema,
  signatureSchema,
} from "./identifiers.ts";
import { campaignStateSchema } from "./states.ts";
import { verdictSchema } from "./verdict.ts";

/** How long after its campaign's end a credential opens what is left to see, ms (SPEC A8). */
export const OPEN_AFTER_END_MS = 30 * 86_400_000;

/** How a campaign ended: data, for clients to put into words (SPEC A8). */
export const outcomeSchema = z.object({
  campaign: campaignIdSchema,
  name: shownSchema,
  state: campaignStateSchema,
  /** Why, where there is more to say. */
  detail: shownSchema.nullable(),
  endedAt: momentSchema,
  /** From then on the credential opens nothing. */
  openUntil: momentSchema,
  /** Rounds committed, and how many there would have been at most. */
  round: z.int().nonnegative(),
  rounds: z.int().positive(),
  ...decisionsSchema.shape,
  /** What is held of the result (SPEC V); null from coordinators of before there were verdicts. */
  verdict: verdictSchema.nullable().default(null),
  /** What is missing for its result to be judged by anything; null where nothing is. */
  evidenceGap: z.string().nullable().default(null),
  /** The cleansed model where the organiser shares it: its slices are blobs (SPEC A9). */
  result: z.object({ model: modelSummarySchema, slices: z.array(digestSchema) }).nullable(),
});
export type Outcome = z.infer<typeof outcomeSchema>;

/** One commit of a participant, and what became of it. */
const receiptEntrySchema = z.object({
  round: z.int().nonnegative(),
  attempt: z.int().nonnegative(),
  committedAt: momentSchema,
  /** Accepted, by an attempt that was not void: it is among the inputs of the round's link (R9). */
  counted: z.boolean(),
  accepted: z.boolean(),
  /** Why it was not accepted. */
  detail: shownSchema.nullable(),
  weight: z.number(),
  slices: z.array(digestSchema),
  /** What was signed, and with what; null of who has no key. */
  commit: digestSchema,
  signature: signatureSchema.nullable(),
  /**
   * The chain's value after the link that tells what came of it: its attempt's, or its rejection's. Null
   * where an earlier version left no link.
   */
  chain: digestSchema.nullable(),
});

/** What a participant gave: with its key and the chain it can prove it (SPEC A8). */
export const receiptSchema = z.object({
  campaign: campaignIdSchema,
  participant: participantIdSchema,
  commits: z.array(receiptEntrySchema),
});
export type Receipt = z.infer<typeof receiptSchema>;
