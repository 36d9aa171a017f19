import { z } from "zod";

/**
 * `finished`: it ran to its end and nothing speaks against the student. `failed`: it ended with a student
 * that is not to be used, and went back to an earlier one where there is one (SPEC J11). `aborted`: by the
 * administrator.
 */
export const campaignStateSchema = z.enum([
  "ready",
  "running",
  "paused",
  "finished",
  "failed",
  "aborted",
]);
export type CampaignState = z.infer<typeof campaignStateSchema>;

/**
 * `open`: waiting for a first participant; no deadline runs. `collecting`: assignments are out and
 * the deadline runs. `combining`: no update is taken any more. `trying`:
 * participants look at what came of it (SPEC K). `committed`: the student moved on.
 * `aborted`: the attempt is void: it ended without a result (SPEC R1).
 */
export const roundStateSchema = z.enum([
  "open",
  "collecting",
  "combining",
  "trying",
  "committed",
  "aborted",
]);
export type RoundState = z.infer<typeof roundStateSchema>;

export const CAMPAIGN_ACTIONS = ["start", "pause", "resume", "abort"] as const;
export type CampaignAction = (typeof CAMPAIGN_ACTIONS)[number];

const TRANSITIONS: Record<
  CampaignAction,
  { readonly from: readonly CampaignState[]; readonly to: CampaignState }
> = {
  start: { from: ["ready"], to: "running" },
  pause: { from: ["running"], to: "paused" },
  resume: { from: ["paused"], to: "running" },
  abort: { from: ["ready", "running", "paused"], to: "aborted" },
};

/** State after an action, or undefined when the action is not allowed in this state (SPEC C2). */
export function afterAction(
  state: CampaignState,
  action: CampaignAction,
): CampaignState | undefined {
  const { from, to } = TRANSITIONS[action];
  return from.includes(state) ? to : undefined;
}

/** Whether a campaign in this state can ever take another update. */
export function isEnded(state: CampaignState): boolean {
  return state === "finished" || state === "failed" || state === "aborted";
}
