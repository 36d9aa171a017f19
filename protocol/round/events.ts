import { z } from "zod";
import { shownSchema } from "./identifiers.ts";
import { campaignStateSchema } from "./states.ts";

/**
 * Messages of the event socket. They only hint: everything they say can be had by asking, so a lost
 * message costs time, never correctness (SPEC E2).
 */
export const coordinatorEventSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("round-opened"), round: z.int(), attempt: z.int() }),
  /** What a round came to is to be tried (SPEC K3). */
  z.object({
    type: z.literal("candidate"),
    round: z.int(),
    attempt: z.int(),
    candidate: z.int(),
  }),
  z.object({ type: z.literal("round-committed"), round: z.int(), updates: z.int() }),
  z.object({
    type: z.literal("round-void"),
    round: z.int(),
    attempt: z.int(),
    detail: shownSchema,
  }),
  z.object({
    type: z.literal("campaign-state"),
    state: campaignStateSchema,
    /** Why, where there is more to say than the state. */
    detail: shownSchema.nullable().default(null),
  }),
]);
export type CoordinatorEvent = z.infer<typeof coordinatorEventSchema>;

/** What happened, before its details are filled in. */
export type Announcement = z.input<typeof coordinatorEventSchema>;

/** What a participant says of its work while it goes on; for people who watch, never for decisions. */
export const participantEventSchema = z.strictObject({
  type: z.literal("progress"),
  round: z.int().nonnegative(),
  step: z.int().nonnegative(),
  /** 0 in a judging round. */
  localSteps: z.int().nonnegative(),
  loss: z.number().nullable(),
  imagesPerSecond: z.number().nonnegative(),
});
export type ParticipantEvent = z.infer<typeof participantEventSchema>;

/** Subprotocols of the event socket: the version, and the credential as `scour.bearer.<token>`. */
export const EVENT_SUBPROTOCOL = "scour.v1";
export const BEARER_SUBPROTOCOL_PREFIX = "scour.bearer.";

/** Answered by the coordinator without waking it: keeps idle connections open. */
export const PING = "ping";
export const PONG = "pong";
