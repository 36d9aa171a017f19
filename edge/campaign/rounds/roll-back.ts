import { ProtocolError } from "../../../protocol/errors.ts";
import { placeOf } from "../../../protocol/round/timeline.ts";
import { linkRollback } from "../chain/append.ts";
import type { Ledger } from "../store/ledger.ts";
import { endVoid } from "./transitions.ts";

/**
 * An administrator goes back to the student of so many committed rounds (SPEC C4); the round at hand begins
 * anew, from there.
 *
 * @throws ProtocolError `campaign-state` unless it is running or paused in its main leg and not private, `not-found` where
 *   that is no trained student of it.
 */
export function rollBack(ledger: Ledger, to: number, now: number): void {
  const { committed, config, course, state } = ledger.campaign.read();
  const attempt = ledger.rounds.current();
  if ((state !== "running" && state !== "paused") || attempt === undefined) {
    throw new ProtocolError(
      "campaign-state",
      `the campaign is ${state}: only one under way can go back; 'campaign export --round' gives any round's student`,
      { state },
    );
  }
  if (config.privacy !== undefined) {
    throw new ProtocolError(
      "campaign-state",
      "a private campaign cannot go back: sums of one student have nobody in common, and its participants were in the one of that student; 'campaign export --round' gives it, and a new campaign may begin from it",
      { state },
    );
  }
  const { round } = attempt;
  const { leg } = placeOf(config, round, course);
  if (leg.kind !== "main") {
    throw new ProtocolError(
      "campaign-state",
      `round ${round} is a ${leg.kind} round: there is nothing to go back to before the campaign proper`,
      { state },
    );
  }
  if (to <= leg.firstRound || to > committed) {
    const range =
      committed > leg.firstRound
        ? `those of ${leg.firstRound + 1} to ${committed} committed rounds are`
        : "so far none is";
    throw new ProtocolError(
      "not-found",
      `the student of ${to} committed rounds is not one that this campaign trained: ${range}`,
    );
  }
  const detail = `the administrator went back to the student of round ${to}`;
  endVoid(ledger, attempt, detail, now);
  linkRollback(ledger, { round, reason: "administrator", fellBackTo: to });
  ledger.campaign.rollBack(round, to);
  ledger.campaign.update({ remainingMs: null });
  const next = { round, attempt: attempt.attempt + 1 };
  ledger.rounds.open(next, now);
  ledger.announce({ type: "round-void", round, attempt: attempt.attempt, detail });
  if (state === "running") ledger.announce({ type: "round-opened", ...next });
}
