import { z } from "zod";
import { influencesOf, type Influence, type TriedRound } from "./influence.ts";

/** Rounds that a party is left out of before it is heard again. */
const QUARANTINE_ROUNDS = 3;

/** Rounds that have to say so before a party is left out of others. */
const WORDS = 2;

/** Quarantines after which a party is left out for good. */
const QUARANTINES = 2;

/** Influence below which nobody is named, in units of merit. */
const LEAST_NAMED = 0.1;

/** What the campaign thinks of a party (SPEC K8). */
export const standingSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("good") }),
  /** Rounds named it since it was heard last, too few to leave it out of others. */
  z.object({ kind: z.literal("named"), words: z.int() }),
  /** Left out of rounds before `until`. */
  z.object({ kind: z.literal("quarantined"), until: z.int() }),
  z.object({ kind: z.literal("left-out") }),
]);
export type Standing = z.output<typeof standingSchema>;

/** How often a party was named, and what followed. */
interface PartyRecord {
  words: number;
  quarantines: number;
  until: number;
}

/**
 * What the campaign thinks of those that candidates were tried of, in a round that is about to be combined.
 * Who is not in it is in good standing.
 *
 * @param rounds those before, ascending
 * @param hostile most parties that one round names
 */
export function standingsAt(
  rounds: readonly TriedRound[],
  round: number,
  hostile: number,
): ReadonlyMap<string, Standing> {
  const records = new Map<string, PartyRecord>();
  for (const [i, tried] of rounds.entries()) {
    if (tried.equations.length < 2) continue;
    const there = new Set(tried.equations.flatMap(({ parties }) => parties));
    for (const party of namedBy(influencesOf(rounds.slice(0, i + 1)), hostile)) {
      if (!there.has(party)) continue;
      const record = records.get(party) ?? { words: 0, quarantines: 0, until: 0 };
      records.set(party, record);
      record.words++;
      if (record.words < WORDS) continue;
      record.words = 0;
      record.quarantines++;
      record.until = tried.round + 1 + QUARANTINE_ROUNDS;
    }
  }
  return new Map(
    [...records].map(([party, record]) => [party, standingOf(record, round)] as const),
  );
}

/** Whom a round need not try with, by what rounds before said. */
export function areLeftOut(standings: ReadonlyMap<string, Standing>): readonly string[] {
  return [...standings].flatMap(([party, { kind }]) =>
    kind === "quarantined" || kind === "left-out" ? [party] : [],
  );
}

function standingOf({ quarantines, until, words }: PartyRecord, round: number): Standing {
  if (quarantines >= QUARANTINES) return { kind: "left-out" };
  if (round < until) return { kind: "quarantined", until };
  return words > 0 ? { kind: "named", words } : { kind: "good" };
}

/** Those whose influence is bad beyond doubt, the worst first. */
function namedBy(influences: ReadonlyMap<string, Influence>, hostile: number): readonly string[] {
  return worstOf(
    influences,
    hostile,
    ({ deviation, mean }) => mean > Math.max(LEAST_NAMED, 2 * deviation),
  );
}

/** Those who may be tried without first: what rounds before said of them, if too little to name them. */
export function suspectsOf(
  influences: ReadonlyMap<string, Influence>,
  hostile: number,
): readonly string[] {
  return worstOf(
    influences,
    hostile,
    ({ deviation, mean }) => mean > Math.max(LEAST_NAMED / 2, deviation),
  );
}

function worstOf(
  influences: ReadonlyMap<string, Influence>,
  most: number,
  isBad: (influence: Influence) => boolean,
): readonly string[] {
  return [...influences]
    .filter(([, influence]) => isBad(influence))
    .sort(([a, { mean: first }], [b, { mean: second }]) => second - first || (a < b ? -1 : 1))
    .slice(0, most)
    .map(([party]) => party);
}
