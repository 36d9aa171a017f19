import { chance } from "../gate.ts";
import { WAYS, type Tally, type Way } from "./tally.ts";

/**
 * What makes a candidate doubtful. In 99 recorded campaigns without anybody hostile (docs/results and
 * docs/research) a student's agreement was at most .083 below that of the round before. Of the 19 with the
 * defaults that stand today, 17 never had a transfer rate more than .103 above the least before it, the
 * others .15 and .21. A doubt costs an honest campaign downloads, and nothing else.
 */
const DOUBT = {
  /** Agreement that a candidate may lack of the student before it. */
  lacks: 0.1,
  /** Disturbed copies that it may answer otherwise than the teacher does the clean ones, beyond those. */
  loses: 0.2,
  /** How far it may follow the teacher beyond the least of its leg. */
  rises: 0.15,
  /** Agreement whose loss no campaign goes on from. */
  collapses: 0.2,
} as const;

/** A student that agrees so much less follows less for that reason. */
const COMPARABLE = 0.05;

export type Doubt = "agreement" | "copies" | Way;

/**
 * What speaks against a candidate (SPEC K5): that it has got worse than the student before it, or that it
 * follows the teacher's mistakes further than a student of its leg did.
 *
 * @param earlier tallies of what the leg's rounds before committed
 *
 * @example
 * doubtsOf(tally, earlier); // ["shortcuts"]
 */
export function doubtsOf(tally: Tally, earlier: readonly Tally[]): readonly Doubt[] {
  const { agreement, kept } = tally;
  const doubts: Doubt[] = [];
  if (falls(agreement, DOUBT.lacks)) doubts.push("agreement");
  if (kept !== null && falls(kept, DOUBT.loses)) doubts.push("copies");
  const comparable = earlier.filter(
    (one) => one.agreement.candidate >= agreement.candidate - COMPARABLE,
  );
  for (const way of WAYS) if (rises(way, tally, comparable)) doubts.push(way);
  return doubts;
}

/** Whether a candidate is nothing to go on from (SPEC K6.5). */
export function collapses({ agreement }: Tally): boolean {
  return falls(agreement, DOUBT.collapses);
}

function falls({ candidate, images, last }: Tally["agreement"], amount: number): boolean {
  return last - candidate > Math.max(amount, chance(images, images));
}

function rises(way: Way, tally: Tally, comparable: readonly Tally[]): boolean {
  const now = tally[way];
  const known = comparable.flatMap((one) => one[way] ?? []);
  if (now === null || known.length === 0) return false;
  const least = known.reduce((a, b) => (b.candidate < a.candidate ? b : a));
  const risen = now.candidate - least.candidate;
  return risen > Math.max(DOUBT.rises, chance(least.images, now.images));
}
