import type { AggregationRule } from "../../protocol/round/aggregation-rule.ts";
import type { Contribution } from "./rule.ts";

/** Parties of which a majority means something. */
const FEWEST = 3;

/**
 * Whose contributions count as one for a robust rule: those by the same invite, since f counts invites and
 * whoever holds one may enrol as often as it permits (SPEC O9.1). Where fewer than three invites took part
 * each contribution stands for itself, and whoever holds an invite of many uses may be many. Whom FLTrust
 * believes are a party of their own, and never averaged with others.
 *
 * @returns groups of indices of contributions that weigh anything; ascending within, and by their first
 */
export function partiesOf(
  rule: AggregationRule,
  contributions: readonly Contribution[],
): readonly (readonly number[])[] {
  const counted = contributions.flatMap(({ weight }, i) => (weight > 0 ? [i] : []));
  const trusted = counted.filter((i) => isTrusted(rule, contributions[i]!));
  const others = counted.filter((i) => !trusted.includes(i));
  const byParty = Map.groupBy(others, (i) => contributions[i]!.party);
  const parties = byParty.size >= FEWEST ? [...byParty.values()] : others.map((i) => [i]);
  return trusted.length === 0 ? parties : [...parties, trusted];
}

/** Whether FLTrust believes whoever sent it: the operator's own, by the organisation of their invite. */
export function isTrusted(rule: AggregationRule, { organisation }: Contribution): boolean {
  return rule.kind === "fltrust" && organisation === rule.root;
}
