import type { Contribution } from "./rule.ts";

/** Parties of which a majority means something. */
const FEWEST = 3;

/**
 * Whose contributions count as one for a robust rule: those by the same invite, since f counts invites and
 * whoever holds one may enrol as often as it permits (SPEC O9.1). Where fewer than three invites took part
 * each contribution stands for itself, and whoever holds an invite of many uses may be many.
 *
 * @returns groups of indices of contributions that weigh anything; ascending within, and by their first
 */
export function partiesOf(contributions: readonly Contribution[]): readonly (readonly number[])[] {
  const counted = contributions.flatMap(({ weight }, i) => (weight > 0 ? [i] : []));
  const byParty = Map.groupBy(counted, (i) => contributions[i]!.party);
  return byParty.size >= FEWEST ? [...byParty.values()] : counted.map((i) => [i]);
}
