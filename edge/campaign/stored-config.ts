import { campaignConfigSchema, type CampaignConfig } from "../../protocol/round/campaign-config.ts";

/** A configuration from before there were judging rounds lacks these. */
type EarlierConfig = Omit<CampaignConfig, "judging" | "probes">;

/**
 * A campaign's configuration as it is read back. One that an earlier version made goes on as it was
 * planned: without adversary, without scores of training rounds, and without judging rounds.
 */
export function readConfig(written: unknown): {
  readonly config: CampaignConfig;
  /** Whether it was made before there were judging rounds. */
  readonly unjudged: boolean;
} {
  const stored = written as CampaignConfig | EarlierConfig;
  if ("judging" in stored) return { config: stored, unjudged: false };
  const config = campaignConfigSchema.parse({
    ...stored,
    distillation: { ...stored.distillation, adversary: null },
    judging: { watchAscents: 0, regrowth: null, stopping: null },
  });
  return { config, unjudged: true };
}
