import type { Standing } from "../../../protocol/round/trial/standing.ts";
import type { Ledger } from "../store/ledger.ts";
import type { TrialRecord } from "../store/trial-store.ts";
import { standingsBefore } from "./history.ts";

/** What to do about it, for whoever means no harm. */
const ADVICE =
  "look through your pictures for one small thing that many of them bear, or that somebody may have put there";

/** What the campaign thinks of a participant, by whom it came or by itself; undefined where nothing is held of it. */
export function standingOf(ledger: Ledger, participant: string): Standing | undefined {
  const { committed, config } = ledger.campaign.read();
  if (config.trial === null) return undefined;
  const { invite } = ledger.roster.participant(participant)!;
  const standings = standingsBefore(ledger, committed, config.aggregation.hostile);
  return standings.get(invite) ?? standings.get(participant);
}

/** What a participant whose updates were left out is told (SPEC K9); undefined where there is nothing to tell. */
export function noticeFor(ledger: Ledger, participant: string): string | undefined {
  const { committed, config } = ledger.campaign.read();
  if (config.trial === null) return undefined;
  const standing = standingOf(ledger, participant);
  switch (standing?.kind) {
    case "quarantined":
      return `your updates are left out until round ${standing.until + 1}: several rounds said that students are better without them; ${ADVICE}`;
    case "left-out":
      return `your updates are left out of this campaign: rounds said again and again that students are better without them; ${ADVICE}`;
    case "good":
    case "named":
    case undefined:
      break;
    default:
      standing satisfies never;
  }
  const chosen = ledger.trials.all().findLast((one) => one.chosen !== null);
  if (chosen === undefined || chosen.round !== committed - 1) return undefined;
  const { invite } = ledger.roster.participant(participant)!;
  const isOut = chosen.leftOut.includes(invite) || chosen.leftOut.includes(participant);
  return isOut ? leftOutText(ledger, chosen) : undefined;
}

function leftOutText(ledger: Ledger, chosen: TrialRecord): string {
  const [first] = ledger.trials.of(chosen);
  return (
    `your update of round ${chosen.round + 1} was left out: without it the student was worth ${meritText(chosen.tally?.merit.candidate)} ` +
    `to those who tried it, with it ${meritText(first?.tally?.merit.candidate)} (agreement less the teacher's mistakes); ${ADVICE}`
  );
}

function meritText(merit: number | undefined): string {
  return merit === undefined ? "unknown" : merit.toFixed(2);
}
