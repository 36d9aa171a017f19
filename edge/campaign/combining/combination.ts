import type { RoundCombination } from "../../aggregation/combination.ts";
import type { Gram } from "../../aggregation/robust/gram.ts";
import { sumOf } from "../../aggregation/rule.ts";
import type { UpdateSize } from "../../../protocol/round/update-sizes.ts";
import type { Measurement } from "../../slice/slice-work.ts";
import type { CombiningPlan } from "./combining-plan.ts";

/** How a round is combined, and what that takes of every contribution. */
export interface MeasuredPlan extends RoundCombination {
  /** By contribution, in canonical order. */
  readonly sizes: readonly UpdateSize[];
}

/** How a round is combined, by what pass 1 measured. */
export function combinationOf(
  { campaign: { slices }, contributions, chosen, order, earlierNorm }: CombiningPlan,
  measured: ReadonlyMap<number, Measurement>,
): MeasuredPlan {
  // Ascending by slice: the order of a sum decides its last bits.
  const bySlice = (section: "trainable" | "statistics"): Measurement[] =>
    slices.filter((slice) => slice.section === section).map(({ index }) => measured.get(index)!);
  const normsOver = (
    section: "trainable" | "statistics",
    squares: (slice: Measurement) => readonly number[],
  ): number[] => {
    const ofSlices = bySlice(section).map(squares);
    return contributions.map((_, i) => Math.sqrt(sumOf(ofSlices.map((one) => one[i]!))));
  };
  const norms = normsOver("trainable", ({ squaredNorms }) => squaredNorms);
  const sentStatistics = normsOver("statistics", ({ squaredNorms }) => squaredNorms);
  const statisticsNorms = normsOver("statistics", ({ combinedSquares }) => combinedSquares!);
  const combination = chosen.rule.combine({
    contributions: contributions.map(({ members, organisation, party, weight }, i) => ({
      members,
      organisation,
      party,
      weight,
      norm: norms[i]!,
      statisticsNorm: statisticsNorms[i]!,
    })),
    ...(chosen.rule.needsGram && { gram: gramOver(bySlice("trainable")) }),
    ...(earlierNorm !== undefined && { earlierNorm }),
    order,
  });
  const sizes = combination.taken.map(({ trainable, statistics }, i) => ({
    norm: norms[i]!,
    statisticsNorm: sentStatistics[i]!,
    factor: trainable,
    statisticsFactor: statistics,
  }));
  return { ...combination, sizes };
}

function gramOver(slices: readonly Measurement[]): Gram {
  const products = slices.map((slice) => slice.products!);
  return products[0]!.map((row, i) => row.map((_, j) => sumOf(products.map((one) => one[i]![j]!))));
}
