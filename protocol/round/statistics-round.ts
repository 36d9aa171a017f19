import { minimumUpdates, robustMinimum, type CampaignConfig } from "./campaign-config.ts";
import { LEAST_STATISTICS_IMAGES, type ReinitStrategy } from "../reinit/strategy-schema.ts";

/** A strategy that compares the teacher with statistics of participants' images. */
type MeasuringStrategy = Extract<ReinitStrategy, { kind: "bn-divergence" }>;

/**
 * The strategy of a campaign that begins with a statistics round (SPEC B1); undefined where it has
 * none.
 */
export function measuringStrategy({
  reinit: { strategy },
}: Pick<CampaignConfig, "reinit">): MeasuringStrategy | undefined {
  return strategy.kind === "bn-divergence" ? strategy : undefined;
}

/**
 * Most images whose statistics a participant will be asked for: 0 where there is no statistics round,
 * or it is done.
 *
 * @param pooled digest of the pooled statistics, once they are there
 */
export function statisticsImages(
  config: Pick<CampaignConfig, "reinit">,
  pooled: string | null,
): number {
  return pooled === null ? (measuringStrategy(config)?.images ?? 0) : 0;
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
export function imagesToMeasure({ images: most }: MeasuringStrategy, images: number): number {
  return images < LEAST_STATISTICS_IMAGES ? 0 : Math.min(most, images);
}
