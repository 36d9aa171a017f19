import type { AggregationRule } from "../../protocol/round/aggregation-rule.ts";
import type { CampaignConfig } from "../../protocol/round/campaign-config.ts";
import { earlierClippedMean } from "./earlier-clipped-mean.ts";
import { mean } from "./mean.ts";
import { medianClippedMean } from "./median-clipped-mean.ts";
import { normClippedMean } from "./norm-clipped-mean.ts";
import { robustRule, type RobustRule } from "./robust/robust-rule.ts";
import { isTrusted, partiesOf } from "./parties.ts";
import type { CombiningRule, Contribution } from "./rule.ts";

/** Fewest whose median keeps one of them from dragging it. */
const FEWEST_FOR_A_MEDIAN = 3;

/** The rule by which a round is combined, and its name. */
export interface ChosenRule {
  readonly kind: AggregationRule["kind"] | "earlier-clipped-mean";
  readonly rule: CombiningRule;
}

/**
 * The rule for those who came: the configured one, or where too few came for it the first below it that
 * they are enough for (SPEC O9).
 *
 * @param contributions of the round, those of no weight too
 */
export function chosenRule(
  { rule, hostile, mixing }: CampaignConfig["aggregation"],
  contributions: readonly Contribution[],
): ChosenRule {
  const counted = contributions.filter(({ weight }) => weight > 0);
  switch (rule.kind) {
    case "mean":
      return { kind: rule.kind, rule: mean };
    case "norm-clipped-mean":
      return { kind: rule.kind, rule: normClippedMean(rule.clipNorm) };
    case "median-clipped-mean":
      return clipped(counted.length);
    default: {
      const parties = partiesOf(rule, contributions).length;
      const seen = mixing.kind === "bucketing" ? Math.ceil(parties / mixing.size) : parties;
      const isThere = rule.kind !== "fltrust" || counted.some((one) => isTrusted(rule, one));
      if (seen < fewestFor(rule, hostile) || !isThere) return clipped(counted.length);
      return { kind: rule.kind, rule: robustRule(rule, hostile, mixing) };
    }
  }
}

function clipped(count: number): ChosenRule {
  return count < FEWEST_FOR_A_MEDIAN
    ? { kind: "earlier-clipped-mean", rule: earlierClippedMean }
    : { kind: "median-clipped-mean", rule: medianClippedMean };
}

/**
 * Parties with which a rule bears f hostile ones, as its source has it.
 *
 * @param f hostile ones among them
 */
export function fewestFor({ kind }: RobustRule, f: number): number {
  switch (kind) {
    case "krum":
    case "multi-krum":
      return 2 * f + 3;
    case "bulyan":
      return 4 * f + 3;
    case "fltrust":
      // The trusted one and another: how many of the others are hostile does not matter.
      return 2;
    case "median":
    case "trimmed-mean":
    case "geometric-median":
    case "centred-clipping":
    case "flame":
      return Math.max(FEWEST_FOR_A_MEDIAN, 2 * f + 1);
    default:
      return kind satisfies never;
  }
}
