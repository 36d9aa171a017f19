import type { CampaignReport, RoundReport } from "../../../protocol/round/reports.ts";
import type { AdminClient } from "../../admin/admin-client.ts";
import { followCampaign } from "../commands/watch.ts";
import { CommandError } from "../command-error.ts";
import { placeText } from "./round-place.ts";
import { decisionRows, evidenceRows, inheritedText } from "./score-text.ts";
import { decimal, percent } from "../../text/numbers-text.ts";

export interface RoundProgressOptions {
  readonly stop: AbortSignal;
  readonly note: (line: string) => void;
}

/**
 * Follows a campaign of our own to its end, with a line for each round that was committed or void,
 * and for each decision.
 *
 * @returns its committed rounds in order, also of one that failed.
 * @throws CommandError when it was stopped, aborted, or paused itself.
 */
export async function followRounds(
  admin: AdminClient,
  campaign: string,
  { stop, note }: RoundProgressOptions,
): Promise<readonly RoundReport[]> {
  const shown = new Set<string>();
  let rounds: readonly RoundReport[] = [];
  const last = await followCampaign(admin, campaign, {
    intervalMs: 500,
    stop,
    onUnreachable: (why) => note(`${why}; asking again.`),
    async onReport(report) {
      rounds = await admin.rounds(campaign);
      for (const round of rounds) {
        const name = `${round.round}.${round.attempt}`;
        if (shown.has(name) || (round.state !== "committed" && round.state !== "aborted")) continue;
        shown.add(name);
        note(roundLine(round, report));
      }
      for (const [what, text] of [...decisionRows(report), ...evidenceRows(report)]) {
        if (shown.has(text)) continue;
        shown.add(text);
        note(`${what}: ${text}`);
      }
      if (report.state === "paused") {
        throw new CommandError(
          `the campaign paused itself: ${report.detail ?? "no reason given"}`,
          ...(report.pictures.unfit > 0 ? ["With --fit off pictures are not looked at."] : []),
        );
      }
    },
  });
  if (last === undefined) throw new CommandError("stopped before the campaign had ended");
  // What it went back to is still to be had.
  if (last.state !== "finished" && last.state !== "failed") {
    throw new CommandError(
      `the campaign ended as ${last.state}: ${last.detail ?? "no reason given"}`,
    );
  }
  return rounds.filter(({ state }) => state === "committed");
}

function roundLine(round: RoundReport, report: CampaignReport): string {
  const place = placeText(round, report);
  if (round.state !== "committed") {
    return `${place}: attempt ${round.attempt + 1} was void${round.detail === null ? "" : `: ${round.detail}`}`;
  }
  const { scores } = round;
  if (round.leg.kind === "statistics") return `${place}: ${round.accepted} participants measured`;
  const inherited = scores === null ? "" : `, transfer rate ${inheritedText(scores)}`;
  const work = round.judging
    ? `${scores?.participants ?? 0} scored on ${scores?.images ?? 0} images`
    : `${round.accepted} updates, ${round.examples} images`;
  return `${place}: ${work}, loss ${decimal(round.loss)}, agreement ${percent(round.agreement)}${inherited}`;
}
