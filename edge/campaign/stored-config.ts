import { campaignConfigSchema, type CampaignConfig } from "../../protocol/round/campaign-config.ts";

/** A configuration from before there were judging rounds lacks these. */
type EarlierConfig = Omit<CampaignConfig, "judging" | "probes">;

/** What a configuration from before there were such lacks. */
const NO_REGULARISERS = { sharpness: null, headShift: null };

/** What an adversary from before there were such lacks. */
const ADDITIVE_ALONE = {
  lowFrequencies: null,
  warp: null,
  waves: null,
  heatMap: null,
  shortcuts: null,
  bends: null,
};

/** An alarm from before a large transfer rate was one by itself, and before it looked at the teacher. */
const RISE_ALONE = { most: 1, reach: 0 };

/**
 * A campaign's configuration as it is read back. One that an earlier version made goes on as it was
 * planned: without sharpness-aware steps or a head shift, its adversary as it was; from before there were judging rounds also
 * without adversary, without scores of training rounds, and without judging rounds.
 */
export function readConfig(written: unknown): {
  readonly config: CampaignConfig;
  /** Whether it was made before there were judging rounds. */
  readonly unjudged: boolean;
} {
  const stored = written as CampaignConfig | EarlierConfig;
  if ("judging" in stored) {
    const adversary = stored.distillation.adversary && {
      ...ADDITIVE_ALONE,
      ...stored.distillation.adversary,
    };
    const distillation = { ...NO_REGULARISERS, ...stored.distillation, adversary };
    const regrowth = stored.judging.regrowth && { ...RISE_ALONE, ...stored.judging.regrowth };
    const judging = { ...stored.judging, regrowth };
    return { config: { ...stored, distillation, judging }, unjudged: false };
  }
  const config = campaignConfigSchema.parse({
    ...stored,
    distillation: { ...stored.distillation, adversary: null },
    // A share that holds out no image: nobody scores (SPEC J1).
    judging: { heldOut: Number.MIN_VALUE, watchAscents: 0, regrowth: null, stopping: null },
  });
  return { config, unjudged: true };
}
