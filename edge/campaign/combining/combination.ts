import { combiningRule } from "../../aggregation/configured-rule.ts";
import { sumOf } from "../../aggregation/rule.ts";
import type { UpdateSize } from "../../../protocol/round/update-sizes.ts";
import type { Measurement } from "../../slice/slice-work.ts";
import type { CombiningPlan } from "./combining-plan.ts";

/** What is taken of every contribution to a round, in canonical order, from what pass 1 measured. */
export function combinationOf(
  { campaign: { config, slices }, contributions }: CombiningPlan,
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
    return contributions.map((_, i) => Math.sqrt(sumOf(bySlice.map((one) => one[i]!))));
  };
  const norms = normsOver("trainable", ({ squaredNorms }) => squaredNorms);
  const sentStatistics = normsOver("statistics", ({ squaredNorms }) => squaredNorms);
  const statisticsNorms = normsOver("statistics", ({ combinedSquares }) => combinedSquares!);
  const factors = combiningRule(config.aggregation.rule).factors(
    contributions.map(({ members, weight }, i) => ({
      members,
      weight,
      norm: norms[i]!,
      statisticsNorm: statisticsNorms[i]!,
    })),
  );
  return factors.map(({ trainable, statistics }, i) => ({
    norm: norms[i]!,
    statisticsNorm: sentStatistics[i]!,
    factor: trainable,
    statisticsFactor: statistics,
  }));
}
