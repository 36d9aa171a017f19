import { placeOf } from "../../../protocol/round/timeline.ts";
import {
  equationOf,
  influencesOf,
  type TriedRound,
} from "../../../protocol/round/trial/influence.ts";
import { standingsAt, suspectsOf, type Standing } from "../../../protocol/round/trial/standing.ts";
import type { Tally } from "../../../protocol/round/trial/tally.ts";
import type { Ledger } from "../store/ledger.ts";

/** What earlier rounds' candidates say of those whose updates are in them (SPEC K7). */
function triedRounds(ledger: Ledger, round: number): readonly TriedRound[] {
  const before = ledger.trials.all().filter((one) => one.round < round);
  // Attempts that came to nothing had other parties, and perhaps another student before them.
  const contested = [...Map.groupBy(before, (one) => one.round)]
    .map(
      ([of, trials]) =>
        [of, trials.filter((one) => one.attempt === trials.at(-1)!.attempt)] as const,
    )
    .filter(([, trials]) => trials.length > 1);
  return contested.map(([of, trials]) => ({
    round: of,
    equations: trials.flatMap(({ leftOut, parties, tally }) =>
      tally === null
        ? []
        : [
            equationOf(
              parties.filter((party) => !leftOut.includes(party)),
              tally,
            ),
          ],
    ),
  }));
}

/** What the campaign thinks of parties when a round is about to be combined. */
export function standingsBefore(
  ledger: Ledger,
  round: number,
  hostile: number,
): ReadonlyMap<string, Standing> {
  return standingsAt(triedRounds(ledger, round), round, hostile);
}

/** Parties that rounds before speak against, if too little to leave them out. */
export function suspectsBefore(ledger: Ledger, round: number, hostile: number): readonly string[] {
  return suspectsOf(influencesOf(triedRounds(ledger, round)), hostile);
}

/** Of what the rounds of the same leg before committed; its student₀ was not trained, and is none. */
export function talliesBefore(ledger: Ledger, round: number): readonly Tally[] {
  const { config, course } = ledger.campaign.read();
  const { leg } = placeOf(config, round, course);
  return ledger.trials
    .all()
    .flatMap(({ chosen, round: of, tally }) =>
      chosen !== null && tally !== null && of >= leg.firstRound && of < round ? [tally] : [],
    );
}
