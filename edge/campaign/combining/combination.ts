import { combiningRule } from "../../aggregation/configured-rule.ts";
import { sumOf } from "../../aggregation/rule.ts";
import type { UpdateSize } from "../../../protocol/round/update-sizes.ts";
import type { Measurement } from "../../slice/slice-work.ts";
import type { CombiningPlan } from "./combining-plan.ts";

/** What is taken of every update of a round, in canonical order, from what pass 1 measured. */
export function combinationOf(
  { campaign: { config, slices }, updates }: CombiningPlan,
  measured: ReadonlyMap<number, Measurement>,
): UpdateSize[] {
  // Ascending by slice: the order of a sum decides its last bits.
  const normsOver = (
    section: "trainable" | "statistics",
    squares: (slice: Measurement) => readonly number[],
  ): number[] => {
    const bySlice = slices
      .filter((slice) => slice.section === section)
      .map(({ index }) => squares(measured.get(index)!));
    return updates.map((_, i) => Math.sqrt(sumOf(bySlice.map((one) => one[i]!))));
  };
  const weights = updates.map(({ weight }) => weight);
  const norms = normsOver("trainable", ({ squaredNorms }) => squaredNorms);
  const sentStatistics = normsOver("statistics", ({ squaredNorms }) => squaredNorms);
  const statisticsNorms = normsOver("statistics", ({ combinedSquares }) => combinedSquares!);
  const rule = combiningRule(config.aggregation.rule);
  const factors = rule.factors({ weights, norms, statisticsNorms });
  return norms.map((norm, i) => ({
    norm,
    statisticsNorm: sentStatistics[i]!,
    factor: factors.trainable[i]!,
    statisticsFactor: factors.statistics[i]!,
  }));
}
