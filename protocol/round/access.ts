import { z } from "zod";
import { OWN_SIZE } from "../model/preprocessing-defaults.ts";
import { updateCodecSchema } from "../update/update-codec.ts";
import { campaignConfigSchema } from "./campaign-config.ts";
import {
  campaignIdSchema,
  digestSchema,
  inviteIdSchema,
  deviceSchema,
  labelSchema,
  momentSchema,
  nameSchema,
  participantIdSchema,
  publicKeySchema,
  shownSchema,
  signatureSchema,
} from "./identifiers.ts";
import { privacySchema } from "./privacy.ts";
import { preparationSchema } from "./preprocessing.ts";
import { campaignStateSchema } from "./states.ts";

/** Asks for an invite: how many may enrol with it, until when, for whom. */
export const inviteRequestSchema = z
  .strictObject({
    uses: z.int().min(1).max(100_000).default(1),
    /** Assignments of a round that all who enrol with it may hold together: what it counts as (R2). */
    places: z.int().min(1).max(100_000).default(1),
    expiresInSeconds: z
      .int()
      .min(1)
      .max(31_536_000)
      .default(7 * 86_400),
    /** Organisation the participants who enrol with it belong to. */
    organisation: nameSchema.optional(),
  })
  .refine(({ places, uses }) => places <= uses, {
    message: "places must not exceed uses: who does not enrol cannot fill one",
    path: ["places"],
  });
export type InviteRequestInput = z.input<typeof inviteRequestSchema>;

export const inviteSchema = z.object({
  id: inviteIdSchema,
  /** Page a volunteer opens; the token is in the fragment, which no server log sees. */
  url: z.url(),
  uses: z.int(),
  used: z.int(),
  places: z.int(),
  expiresAt: momentSchema,
  revoked: z.boolean(),
  organisation: shownSchema.nullable(),
});
export type Invite = z.infer<typeof inviteSchema>;

const imageShapeSchema = z.object({ height: z.int(), width: z.int(), channels: z.int() });

/** What is known of the model once its file was read. */
export const modelSummarySchema = z.object({
  digest: digestSchema,
  bytes: z.int(),
  architecture: shownSchema,
  classes: z.int(),
  inputShape: imageShapeSchema,
  trainableLength: z.int(),
  length: z.int(),
});
export type ModelSummary = z.infer<typeof modelSummarySchema>;

/** One candidate's mask and student₀; all of a campaign's come of the same seed. */
const startSchema = z.object({
  strength: z.number(),
  /** Bitset over the state vector, 1 = re-initialised (SPEC I6). */
  maskDigest: digestSchema,
  /** Slices of student₀. */
  initialStudent: z.array(digestSchema),
});
export type Start = z.infer<typeof startSchema>;

/**
 * What a participant is told of the campaign. `config.reinit.seed` is always filled in here, so that
 * the participant can recompute mask and student₀ from the teacher (SPEC I1).
 */
export const campaignViewSchema = z.object({
  id: campaignIdSchema,
  state: campaignStateSchema,
  config: campaignConfigSchema,
  model: modelSummarySchema,
  /** Slices of the state vector, so that both sides cut it alike. */
  sliceLengths: z.array(z.int().positive()),
  /** Blob of the pooled statistics; null before they are there, or where none are asked for (SPEC B6). */
  statistics: digestSchema.nullable().default(null),
  /** What the legs may start from, by candidate (SPEC J4); none until statistics are there. */
  starts: z.array(startSchema),
});
export type CampaignView = z.infer<typeof campaignViewSchema>;

export const enrolRequestSchema = z.strictObject({
  /** 16 random bytes in hexadecimal: who repeats an enrolment with its key is enrolled once (A2). */
  key: z
    .string()
    .regex(/^[0-9a-f]{32}$/, "must be 16 bytes in lower-case hexadecimal")
    .optional(),
  /** Signs renewals and commits: its private half never leaves the participant (A6, A7). */
  publicKey: publicKeySchema,
  /** What people see in the participants' list; never needed. */
  label: labelSchema.optional(),
  backend: deviceSchema.optional(),
});
export type EnrolRequest = z.infer<typeof enrolRequestSchema>;

export const enrolReplySchema = z.object({
  participant: participantIdSchema,
  /** Bearer token of every further call, for a day; renewed with the key (A6). */
  credential: z.string(),
  campaign: campaignViewSchema,
});
export type EnrolReply = z.infer<typeof enrolReplySchema>;

/** Asks for a new credential; who it is, the signature says (SPEC A6). */
export const renewRequestSchema = z.strictObject({
  campaign: campaignIdSchema,
  participant: participantIdSchema,
  /** Within five minutes of the coordinator's own time. */
  time: momentSchema,
  signature: signatureSchema,
});
export type RenewRequest = z.infer<typeof renewRequestSchema>;

export const renewReplySchema = z.object({ credential: z.string() });
export type RenewReply = z.infer<typeof renewReplySchema>;

/** What an invite offers, shown before anybody enrols. */
export const invitePreviewSchema = z.object({
  campaign: campaignIdSchema,
  name: shownSchema,
  state: campaignStateSchema,
  organisation: shownSchema.nullable(),
  codec: updateCodecSchema,
  rounds: z.int(),
  localSteps: z.int(),
  batchSize: z.int(),
  /** Most images whose statistics are sent first (SPEC B2); 0 where none are, or they are there. */
  statisticsImages: z.int().nonnegative().default(0),
  /** Most images that the teacher is asked about, and whose sums are told (SPEC F1); 0 where none are. */
  fitImages: z.int().nonnegative().default(0),
  /** Whether participants say what they think of a round's candidates (SPEC K3). */
  trial: z.boolean().default(false),
  /** Fewest images with which a participant scores students (SPEC J1); 0 where nobody does. */
  scoringImages: z.int().nonnegative().default(0),
  /** Fewest images of which statistics are measured first (SPEC B3); 0 where none are, or they are there. */
  measuringImages: z.int().nonnegative().default(0),
  /** Images are brought to this shape before anybody enrols. */
  inputShape: imageShapeSchema,
  /** How (SPEC N); of a coordinator that knows one way only, that. */
  preparation: preparationSchema.default({ ...OWN_SIZE, resizeTo: 32 }),
  /** Size of the teacher to fetch and of one update to send, in bytes. */
  downloadBytes: z.int(),
  updateBytes: z.int(),
  /** Among whom updates hide, and from whom not (SPEC M9); left out where the coordinator sees each. */
  privacy: privacySchema.optional(),
});
export type InvitePreview = z.infer<typeof invitePreviewSchema>;
