import {
  campaignConfigSchema,
  type CampaignConfig,
  type CampaignConfigInput,
} from "../../../../protocol/round/campaign-config.ts";

/** A configuration with all defaults but these. */
export function configOf(changes: Partial<CampaignConfigInput> = {}): CampaignConfig {
  return campaignConfigSchema.parse({
    model: "0".repeat(64),
    preprocessing: { mean: [0, 0, 0], std: [1, 1, 1] },
    ...changes,
  });
}
