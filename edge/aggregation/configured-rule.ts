import type { AggregationRule } from "../../protocol/round/campaign-config.ts";
import { mean } from "./mean.ts";
import { medianClippedMean } from "./median-clipped-mean.ts";
import { normClippedMean } from "./norm-clipped-mean.ts";
import type { CombiningRule } from "./rule.ts";

/** The rule a campaign's configuration names. */
export function combiningRule(rule: AggregationRule): CombiningRule {
  switch (rule.kind) {
    case "mean":
      return mean;
    case "norm-clipped-mean":
      return normClippedMean(rule.clipNorm);
    case "median-clipped-mean":
      return medianClippedMean;
    default:
      return rule satisfies never;
  }
}
