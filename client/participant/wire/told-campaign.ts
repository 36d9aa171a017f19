import { z } from "zod";
import { isDigest } from "../../../protocol/digest.ts";
import { campaignViewSchema, enrolReplySchema } from "../../../protocol/round/access.ts";
import { toldDigest } from "../../../protocol/round/private-rounds.ts";

/** `told` is made here, whatever the coordinator says. */
function withDigest(view: unknown): unknown {
  if (typeof view !== "object" || view === null || !("config" in view)) return view;
  return { ...view, told: toldDigest(view.config) };
}

/**
 * A campaign's view with the digest of its configuration as it came, since what is read of it has what its
 * coordinator left out besides (SPEC M9.2).
 */
export const toldCampaignSchema = z.preprocess(
  withDigest,
  campaignViewSchema.extend({ told: z.string().refine(isDigest) }),
);
export type ToldCampaign = z.infer<typeof toldCampaignSchema>;

export const toldEnrolReplySchema = enrolReplySchema.extend({ campaign: toldCampaignSchema });
export type ToldEnrolReply = z.infer<typeof toldEnrolReplySchema>;
