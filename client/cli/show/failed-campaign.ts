import type { CampaignReport } from "../../../protocol/round/reports.ts";
import { CommandError } from "../command-error.ts";

type Outcome = Pick<CampaignReport, "state" | "detail" | "gate">;

/** What is held of the campaign's last student, in a line; undefined where it passed, or is not known yet. */
export function gateText({ gate }: Pick<CampaignReport, "gate">): string | undefined {
  if (gate === undefined || gate.verdict === "passed") return undefined;
  if (gate.verdict === "unjudged") return gate.detail;
  const { detail, fellBackTo } = gate;
  return fellBackTo === null
    ? `${detail}; there is no good student to go back to`
    : `${detail}; the campaign went back to the student of round ${fellBackTo}`;
}

/**
 * Ends a command with an error where the campaign failed, after whatever was to be shown or written.
 *
 * @param written file that now holds the student that was gone back to
 * @throws CommandError for a campaign that failed.
 */
export function requireNotFailed(report: Outcome, written?: string): void {
  if (report.state !== "failed") return;
  const good = report.gate?.verdict === "failed" && report.gate.fellBackTo !== null;
  const held = good ? "the last good student" : "a student that is NOT to be used";
  throw new CommandError(
    `the campaign FAILED: ${gateText(report) ?? report.detail ?? "no reason given"}`,
    `${written === undefined ? "" : `${written} holds ${held}. `}\`campaign updates\` lists who sent what; remove whom you do not trust, and begin a new campaign.`,
  );
}
