import { verdictOf, type Verdict } from "../../protocol/round/verdict.ts";
import { isEnded } from "../../protocol/round/states.ts";
import { legsOf } from "../../protocol/round/timeline.ts";
import { picturesFitting } from "./rounds/fit.ts";
import type { Ledger } from "./store/ledger.ts";

/** What is held of the campaign's result, from the rows; null while it goes on (SPEC V). */
export function campaignVerdict(ledger: Ledger): Verdict | null {
  const { committed, config, course, decisions, detail, state } = ledger.campaign.read();
  if (!isEnded(state)) return null;
  const { firstRound, judgingRound } = legsOf(config, course).at(-1)!;
  const [judged] =
    judgingRound === undefined ? [] : ledger.rounds.committedScores(judgingRound, judgingRound);
  const combined = combinedRounds(ledger, firstRound, committed);
  const { kind } = config.aggregation.rule;
  // One or two are told of by their number.
  const others = combined.flatMap(({ rule }) =>
    rule === undefined || rule === kind || kind === "median-clipped-mean" ? [] : [rule],
  );
  return verdictOf({
    state,
    detail,
    decisions,
    judging: config.judging,
    scores: judged?.scores ?? null,
    fewest: combined.length === 0 ? null : Math.min(...combined.map(({ updates }) => updates)),
    steppedDown: [...new Set(others)],
    hidden: fewestHidden(ledger),
    pictures: picturesFitting(ledger),
  });
}

/** Fewest participants in a private round's sum; null where no round was private. */
function fewestHidden(ledger: Ledger): number | null {
  const sums = ledger.rounds.all().flatMap(({ opened }) => opened?.participants ?? []);
  return sums.length === 0 ? null : Math.min(...sums);
}

interface CombinedRound {
  readonly updates: number;
  /** undefined where an earlier version wrote its link. */
  readonly rule: string | undefined;
}

/** Rounds [first, end) that combined updates. */
function combinedRounds(ledger: Ledger, first: number, end: number): CombinedRound[] {
  const rounds: CombinedRound[] = [];
  for (let round = first; round < end; round++) {
    const link = ledger.chain.ofRound(round)?.link;
    const updates = link?.inputs.filter(({ slices, weight }) => slices.length > 0 && weight > 0);
    if (updates === undefined || updates.length === 0) continue;
    rounds.push({ updates: updates.length, rule: link && "rule" in link ? link.rule : undefined });
  }
  return rounds;
}
