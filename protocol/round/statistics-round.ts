import { minimumUpdates, robustMinimum, type CampaignConfig } from "./campaign-config.ts";
import { LEAST_STATISTICS_IMAGES } from "../reinit/strategy-schema.ts";

/** Most images that norms which stand in are made of (SPEC L4). */
const IMAGES_FOR_STAND_INS = 512;

/** What decides whether there is a statistics round. */
type Measuring = Pick<CampaignConfig, "network" | "reinit">;

/**
 * Most images that a participant measures in the statistics round with which a campaign begins (SPEC B1);
 * 0 where it has none.
 */
export function measuredImages({ network, reinit: { strategy } }: Measuring): number {
  if (strategy.kind === "bn-divergence") return strategy.images;
  return network.standInNorms === true ? IMAGES_FOR_STAND_INS : 0;
}

/**
 * Most images whose statistics a participant will be asked for: 0 where there is no statistics round,
 * or it is done.
 *
 * @param pooled digest of the pooled statistics, once they are there
 */
export function statisticsImages(config: Measuring, pooled: string | null): number {
  return pooled === null ? measuredImages(config) : 0;
}

/** Accepted statistics without which a statistics round is void at its deadline (SPEC B5). */
export function minimumStatistics(policy: CampaignConfig["round"]): number {
  return Math.max(minimumUpdates(policy), robustMinimum(policy));
}

/**
 * How many of its images a participant measures (SPEC B2, B3): as many as the campaign asks for, and
 * none where it has too few, since sums over a handful tell too much of each.
 *
 * @param images that it trains on
 */
export function imagesToMeasure(config: Measuring, images: number): number {
  return images < LEAST_STATISTICS_IMAGES ? 0 : Math.min(measuredImages(config), images);
}
