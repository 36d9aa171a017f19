import { z } from "zod";
import { campaignConfigSchema } from "./campaign-config.ts";
import { modelSummarySchema } from "./access.ts";
import {
  campaignIdSchema,
  digestSchema,
  momentSchema,
  participantIdSchema,
} from "./identifiers.ts";
import { campaignStateSchema, roundStateSchema } from "./states.ts";

/** One line of the campaigns' list. */
export const campaignSummarySchema = z.object({
  id: campaignIdSchema,
  name: z.string(),
  state: campaignStateSchema,
  /** Rounds committed so far. */
  round: z.int().nonnegative(),
  rounds: z.int().positive(),
  createdAt: momentSchema,
});
export type CampaignSummary = z.infer<typeof campaignSummarySchema>;

export const roundReportSchema = z.object({
  round: z.int(),
  attempt: z.int(),
  state: roundStateSchema,
  openedAt: momentSchema,
  deadline: momentSchema.nullable(),
  endedAt: momentSchema.nullable(),
  /** Assignments handed out, updates accepted. */
  assigned: z.int(),
  accepted: z.int(),
  examples: z.int(),
  /** Means over accepted updates, weighted by examples; null while there are none. */
  loss: z.number().nullable(),
  agreement: z.number().nullable(),
  uploadedBytes: z.int(),
  /** L2 norm of the combined update over its trainable values. */
  updateNorm: z.number().nullable(),
  /** Hash chain over inputs and outputs (SPEC R9); null until committed. */
  chain: digestSchema.nullable(),
  /** Why the attempt was void, or what delays it. */
  detail: z.string().nullable(),
});
export type RoundReport = z.infer<typeof roundReportSchema>;

export const campaignReportSchema = campaignSummarySchema.extend({
  /** Why the state is what it is, where there is more to say. */
  detail: z.string().nullable(),
  config: campaignConfigSchema,
  model: modelSummarySchema,
  maskDigest: digestSchema,
  /** Share of re-initialised weights per depth stage and head. */
  reinitialised: z.array(
    z.object({
      stage: z.string(),
      weights: z.int(),
      share: z.number(),
      /** Output channels re-initialised whole because their score stands out (SPEC I8). */
      outliers: z
        .array(z.object({ tensor: z.string(), channels: z.array(z.int()) }))
        // Campaigns made before there were scores.
        .default([]),
    }),
  ),
  current: roundReportSchema.nullable(),
  participants: z.object({ enrolled: z.int(), connected: z.int(), revoked: z.int() }),
});
export type CampaignReport = z.infer<typeof campaignReportSchema>;

export const participantReportSchema = z.object({
  id: participantIdSchema,
  label: z.string().nullable(),
  organisation: z.string().nullable(),
  backend: z.string().nullable(),
  /** Speed it reported last (SPEC R11). */
  imagesPerSecond: z.number().nullable(),
  connected: z.boolean(),
  revoked: z.boolean(),
  enrolledAt: momentSchema,
  lastSeenAt: momentSchema,
  updatesAccepted: z.int(),
  updatesRejected: z.int(),
  examples: z.int(),
  uploadedBytes: z.int(),
  /** Last progress it reported, if it is at work. */
  progress: z
    .object({
      round: z.int(),
      step: z.int(),
      localSteps: z.int(),
      loss: z.number().nullable(),
      imagesPerSecond: z.number(),
    })
    .nullable(),
});
export type ParticipantReport = z.infer<typeof participantReportSchema>;

export const campaignMetricsSchema = z.object({
  campaign: campaignSummarySchema,
  roundsVoid: z.int(),
  updatesAccepted: z.int(),
  updatesRejected: z.int(),
  examples: z.int(),
  uploadedBytes: z.int(),
  participantsEnrolled: z.int(),
  participantsConnected: z.int(),
  loss: z.number().nullable(),
  agreement: z.number().nullable(),
  /** Most bytes any slice object held at once while combining. */
  peakSliceBytes: z.int(),
});
export type CampaignMetrics = z.infer<typeof campaignMetricsSchema>;
