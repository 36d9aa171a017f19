import { z } from "zod";
import { openedTotalsSchema } from "../privacy/two-operators/sealed-seed-schema.ts";
import { campaignConfigSchema } from "./campaign-config.ts";
import { modelSummarySchema } from "./access.ts";
import { roundLegSchema } from "./assignment.ts";
import { decisionsSchema } from "./decisions.ts";
import { fitSchema } from "./fit.ts";
import {
  campaignIdSchema,
  digestSchema,
  inviteIdSchema,
  momentSchema,
  participantIdSchema,
  publicKeySchema,
  shownSchema,
} from "./identifiers.ts";
import { refusalReportSchema } from "./refusal.ts";
import { scoreSummarySchema } from "./score-summary.ts";
import { campaignStateSchema, roundStateSchema } from "./states.ts";
import { sizeSummarySchema } from "./update-sizes.ts";
import { standingSchema } from "./trial/standing.ts";
import { trialReportSchema } from "./trial/trial-outcome.ts";
import { verdictSchema } from "./verdict.ts";

const campaignSummarySchema = z.object({
  id: campaignIdSchema,
  name: shownSchema,
  state: campaignStateSchema,
  /** Rounds committed so far. */
  round: z.int().nonnegative(),
  /** Of all legs, judging rounds included; fewer once it was decided to end sooner. */
  rounds: z.int().positive(),
  createdAt: momentSchema,
  /** What is held of its result; null while it goes on (SPEC V). */
  verdict: verdictSchema.nullable().default(null),
});
export type CampaignSummary = z.infer<typeof campaignSummarySchema>;

/** A campaign of the list that says nothing of itself, and why. */
const unreadableCampaignSchema = z.object({ id: campaignIdSchema, unreadable: z.string() });
export type UnreadableCampaign = z.infer<typeof unreadableCampaignSchema>;

/** One line of the campaigns' list. */
export const listedCampaignSchema = z.union([campaignSummarySchema, unreadableCampaignSchema]);
export type ListedCampaign = z.infer<typeof listedCampaignSchema>;

export const roundReportSchema = z.object({
  round: z.int(),
  attempt: z.int(),
  leg: roundLegSchema,
  /** The last round of its leg: scores only, the student stays as it is (SPEC J3). */
  judging: z.boolean(),
  state: roundStateSchema,
  openedAt: momentSchema,
  deadline: momentSchema.nullable(),
  endedAt: momentSchema.nullable(),
  /** Assignments handed out, updates accepted. */
  assigned: z.int(),
  accepted: z.int(),
  examples: z.int(),
  /**
   * Means over accepted updates, weighted by examples; in a judging round those of the scores. null
   * while there are none.
   */
  loss: z.number().nullable(),
  agreement: z.number().nullable(),
  /** Of the student that the round began with; null while nobody has sent any. */
  scores: scoreSummarySchema.nullable(),
  uploadedBytes: z.int(),
  /** How what came of it was tried; null where it was not, or is not yet (SPEC K). */
  trial: trialReportSchema.nullable().default(null),
  /** L2 norm of the combined update over its trainable values. */
  updateNorm: z.number().nullable(),
  /** L2 norms of the single updates; null until they are combined, and where nothing is. */
  updates: sizeSummarySchema.nullable().default(null),
  /** What its sum said beside its values; null where the round was not private (SPEC M9.6). */
  opened: openedTotalsSchema.nullable().default(null),
  /** Who cannot work with its student (SPEC J12): at most ten of them, and how many there are. */
  refusals: z.array(refusalReportSchema).default([]),
  refused: z.int().default(0),
  /** Hash chain over inputs and outputs (SPEC R9); null until committed. */
  chain: digestSchema.nullable(),
  /** Why the attempt was void, or what delays it. */
  detail: shownSchema.nullable(),
});
export type RoundReport = z.infer<typeof roundReportSchema>;

const startReportSchema = z.object({
  strength: z.number(),
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
  /** What its probe came to; null without probe, or before its judging round. */
  scores: scoreSummarySchema.nullable(),
});
export type StartReport = z.infer<typeof startReportSchema>;

export const campaignReportSchema = campaignSummarySchema.extend({
  /** Why the state is what it is, where there is more to say. */
  detail: shownSchema.nullable(),
  config: campaignConfigSchema,
  model: modelSummarySchema,
  /** Blob of the pooled statistics; null before they are there, or where none are asked for (SPEC B6). */
  statistics: digestSchema.nullable().default(null),
  /** What the legs may start from, by candidate (SPEC J4); none until statistics are there. */
  starts: z.array(startReportSchema),
  /** What it decided by itself so far (SPEC J5 to J7). */
  ...decisionsSchema.shape,
  /** What is missing for its result to be judged by anything; null where nothing is. */
  evidenceGap: z.string().nullable().default(null),
  current: roundReportSchema.nullable(),
  participants: z.object({ enrolled: z.int(), connected: z.int(), revoked: z.int() }),
  /** Of participants who told whether their pictures fit, and those whose do not (SPEC F2). */
  pictures: z.object({ told: z.int(), unfit: z.int() }).default({ told: 0, unfit: 0 }),
});
export type CampaignReport = z.infer<typeof campaignReportSchema>;

export const participantReportSchema = z.object({
  id: participantIdSchema,
  /** The invite that it enrolled with. */
  invite: inviteIdSchema,
  /** Ed25519, hexadecimal; null of one whom a version without keys enrolled. */
  publicKey: publicKeySchema.nullable(),
  label: shownSchema.nullable(),
  organisation: shownSchema.nullable(),
  backend: shownSchema.nullable(),
  /** Speed it reported last (SPEC R11). */
  imagesPerSecond: z.number().nullable(),
  /** What the teacher makes of its images, as it told (SPEC F1); null where it told nothing. */
  fit: fitSchema.nullable().default(null),
  /** Why its pictures do not fit (SPEC F2); null where they do, or nothing was told. */
  misfit: z.string().nullable().default(null),
  /** What trials of candidates say of it; null where they say nothing (SPEC K8). */
  standing: standingSchema.nullable().default(null),
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

/** Answer to a removal. */
export const removalSchema = participantReportSchema.extend({
  /** Its invite, with which nobody can enrol any more; who enrolled with it before stays (SPEC A3). */
  closedInvite: inviteIdSchema,
});
export type Removal = z.infer<typeof removalSchema>;

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
  /** Whether regrowth was seen (SPEC J6). */
  regrowthAlarm: z.boolean(),
  /** Most bytes any slice object held at once while combining. */
  peakSliceBytes: z.int(),
});
export type CampaignMetrics = z.infer<typeof campaignMetricsSchema>;
