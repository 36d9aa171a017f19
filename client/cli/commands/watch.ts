import { setTimeout as delay } from "node:timers/promises";
import { Command } from "commander";
import { isEnded } from "../../../protocol/round/states.ts";
import type {
  CampaignReport,
  ParticipantReport,
  RoundReport,
} from "../../../protocol/round/reports.ts";
import type { AdminClient } from "../../admin/admin-client.ts";
import { AdminError } from "../../admin/admin-error.ts";
import type { CommandContext } from "../command-context.ts";
import { addAccessOptions, openAdminClient, type AccessOptions } from "../coordinator-access.ts";
import { positive } from "../options/option-values.ts";
import { placeText } from "../show/round-place.ts";
import { decisionRows, evidenceRows, inheritedText } from "../show/score-text.ts";
import { textTable } from "../show/text-table.ts";
import { EXIT_CODES_TEXT, requireCleansed, verdictRows } from "../show/verdict-text.ts";
import { decimal, percent } from "../../text/numbers-text.ts";
import { roundTable } from "./campaign/reports.ts";

interface WatchOptions extends AccessOptions {
  readonly interval: number;
  readonly json?: boolean;
}

/** Rounds shown while it goes on. */
const RECENT_ROUNDS = 8;

/** `watch`: a campaign's rounds and participants as they go, until it ends. */
export function watchCommand({ terminal, stop }: CommandContext): Command {
  return addAccessOptions(new Command("watch"))
    .description("follow a campaign until it ends")
    .argument("<campaign>", "the campaign's id")
    .option("--interval <seconds>", "how often to ask", positive, 2)
    .option("--json", "at the end, print the campaign as JSON")
    .addHelpText("after", `\n${EXIT_CODES_TEXT}\n\nExample:\n  $ npm run scour -- watch c-…`)
    .action(async (campaign: string, options: WatchOptions) => {
      const admin = openAdminClient(options, terminal);
      let shown = "";
      const told = new Set<string>();
      const report = await followCampaign(admin, campaign, {
        intervalMs: options.interval * 1000,
        stop,
        onUnreachable: (why) => terminal.note(`${why}; asking again.`),
        async onReport(current) {
          const [rounds, participants] = [
            await admin.rounds(campaign),
            await admin.participants(campaign),
          ];
          const line = statusLine(current, rounds, participants);
          for (const remark of remarks(current)) {
            if (!terminal.live && !told.has(remark)) terminal.note(remark);
            told.add(remark);
          }
          if (terminal.live) {
            terminal.redraw([
              line,
              ...remarks(current),
              ...roundTable(rounds.slice(-RECENT_ROUNDS)).split("\n"),
            ]);
          } else if (line !== shown) terminal.note(line);
          shown = line;
        },
      });
      if (report === undefined) return;
      terminal.result(report, options.json, () =>
        [
          `Campaign ${report.id} is ${report.state} after ${report.round} of ${report.rounds} rounds.`,
          ...[...decisionRows(report), ...evidenceRows(report), ...verdictRows(report)].map(
            ([what, text]) => (what === "" ? `  ${text}` : `${what}: ${text}`),
          ),
        ].join("\n"),
      );
      requireCleansed(report);
    });
}

/** Why it is in the state that it is, and what it cannot be judged by; of one that ended, at its end. */
function remarks(report: CampaignReport): string[] {
  if (isEnded(report.state)) return [];
  return [
    ...(report.detail === null ? [] : [`${report.state}: ${report.detail}`]),
    ...evidenceRows(report).map(([what, text]) => `${what}: ${text}`),
  ];
}

export interface FollowOptions {
  readonly intervalMs: number;
  readonly stop: AbortSignal;
  onReport(report: CampaignReport): Promise<void>;
  onUnreachable(why: string): void;
}

/**
 * Asks for a campaign again and again until it ends, through restarts of its coordinator.
 *
 * @returns its last report; undefined when stopped before.
 * @throws AdminError when the coordinator refuses.
 */
export async function followCampaign(
  admin: AdminClient,
  campaign: string,
  { intervalMs, stop, onReport, onUnreachable }: FollowOptions,
): Promise<CampaignReport | undefined> {
  let reached = false;
  let misses = 0;
  while (!stop.aborted) {
    try {
      const report = await admin.campaign(campaign);
      await onReport(report);
      reached = true;
      misses = 0;
      if (isEnded(report.state)) return report;
    } catch (error) {
      // Refusals and a wrong address are for the caller; a restart is waited for.
      if (!(error instanceof AdminError) || !error.isPassing || !reached) throw error;
      // One miss is most often a kept-open connection that the other side closed meanwhile.
      if (++misses === 2) onUnreachable(error.message);
    }
    await delay(intervalMs, undefined, { signal: stop }).catch(() => {});
  }
  return undefined;
}

function statusLine(
  report: CampaignReport,
  reports: readonly RoundReport[],
  participants: readonly ParticipantReport[],
): string {
  const { state, round, rounds, current, alarm } = report;
  const place = current === null ? "not started" : placeText(current, report);
  const connected = participants.filter((participant) => participant.connected);
  const speed = connected.reduce((sum, { progress }) => sum + (progress?.imagesPerSecond ?? 0), 0);
  const last = reports.findLast(({ loss }) => loss !== null);
  return textTable([
    [
      `${state}, ${round} of ${rounds} rounds done`,
      current === null ? place : `${place} ${current.state} (${current.accepted} in)`,
      `${connected.length} participants`,
      `loss ${decimal(last?.loss)}`,
      `agreement ${percent(last?.agreement)}`,
      `transfer rate ${inheritedText(reports.findLast(({ scores }) => scores !== null)?.scores ?? null)}`,
      `${speed.toFixed(0)} images/s`,
      ...(alarm === null ? [] : ["REGROWTH ALARM"]),
    ],
  ]);
}
