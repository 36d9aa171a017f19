import { Command } from "commander";
import type {
  CampaignMetrics,
  CampaignReport,
  ListedCampaign,
  ParticipantReport,
  RoundReport,
  StartReport,
} from "../../../../protocol/round/reports.ts";
import {
  CAMPAIGN_REGULARISERS,
  type Regularisers,
} from "../../../../protocol/round/regularisers.ts";
import type { AdminClient } from "../../../admin/admin-client.ts";
import type { CommandContext } from "../../command-context.ts";
import { addAccessOptions, openAdminClient, type AccessOptions } from "../../coordinator-access.ts";
import { placeCell, placeText } from "../../show/round-place.ts";
import {
  decisionRows,
  evidenceRows,
  flipsText,
  inheritedText,
  ledToText,
  reachText,
  bendReachText,
  bentToText,
  givenModelText,
  perturbedText,
  probeTable,
} from "../../show/score-text.ts";
import { textTable } from "../../show/text-table.ts";
import { verdictRows, verdictWord } from "../../show/verdict-text.ts";
import { bytesText, decimal, momentText, normText, percent } from "../../../text/numbers-text.ts";

type ReportOptions = AccessOptions & { readonly json?: boolean };

/** `campaign list|show|rounds|participants|metrics`. */
export function campaignReports({ terminal }: CommandContext): Command[] {
  const report = <Report>(
    name: string,
    description: string,
    ask: (admin: AdminClient, campaign: string) => Promise<Report>,
    text: (report: Report) => string,
  ): Command =>
    addAccessOptions(new Command(name))
      .description(description)
      .argument("<campaign>", "the campaign's id")
      .option("--json", "print it as JSON")
      .addHelpText("after", `\nExample:\n  $ npm run scour -- campaign ${name} c-… --json`)
      .action(async (campaign: string, options: ReportOptions) => {
        const answer = await ask(openAdminClient(options, terminal), campaign);
        terminal.result(answer, options.json, () => text(answer));
      });

  const list = addAccessOptions(new Command("list"))
    .description("list all campaigns")
    .option("--json", "print them as JSON")
    .addHelpText("after", "\nExample:\n  $ npm run scour -- campaign list")
    .action(async (options: ReportOptions) => {
      const campaigns = await openAdminClient(options, terminal).campaigns();
      terminal.result(campaigns, options.json, () => campaignTable(campaigns));
    });

  return [
    list,
    report("show", "show all about a campaign", (admin, id) => admin.campaign(id), campaignText),
    report("rounds", "list a campaign's rounds", (admin, id) => admin.rounds(id), roundTable),
    report(
      "participants",
      "list who takes part in a campaign",
      (admin, id) => admin.participants(id),
      participantTable,
    ),
    report(
      "metrics",
      "sum a campaign up in numbers",
      (admin, id) => admin.metrics(id),
      metricsText,
    ),
  ];
}

/** The rows of `campaign list`. */
export function campaignTable(campaigns: readonly ListedCampaign[]): string {
  if (campaigns.length === 0) return "No campaigns yet: `campaign create` makes one.";
  return textTable([
    ["campaign", "name", "state", "verdict", "rounds", "created"],
    ...campaigns.map((campaign) => {
      if ("unreadable" in campaign) return [campaign.id, "", campaign.unreadable, "", "", ""];
      const { id, name, state, round, rounds, createdAt, verdict } = campaign;
      const word = verdict === null ? "–" : verdictWord(verdict.verdict);
      return [id, name, state, word, `${round} of ${rounds}`, momentText(createdAt)];
    }),
  ]);
}

function campaignText(report: CampaignReport): string {
  const { config, model, participants, current, starts } = report;
  const { distillation, round, codec } = config;
  const table = textTable([
    ["campaign", report.id],
    ["name", report.name],
    ["state", report.detail === null ? report.state : `${report.state}: ${report.detail}`],
    ["rounds", `${report.round} of ${report.rounds} done`],
    ["model", `${model.architecture}, ${model.classes} classes, ${bytesText(model.bytes)}`],
    ["", model.digest],
    ...starts.map(({ strength, reinitialised }, index) => [
      index === 0 ? "re-initialised" : "",
      `${strategyText(config.reinit.strategy)}, strength ${strength}: ${reinitialised.map(({ stage, share }) => `${stage} ${percent(share)}`).join(", ")}`,
    ]),
    ...(starts.length > 0 ? outlierRows(starts[0]!) : [strategyRow(config)]),
    ["adversary", adversaryText(distillation)],
    ...regulariserRows(distillation),
    [
      "a round",
      `${distillation.localSteps} steps of ${batchText(distillation)}, ${round.goal} updates or ${round.deadlineSeconds} s, ${codec}`,
    ],
    [
      "participants",
      `${participants.enrolled} enrolled, ${participants.connected} connected, ${participants.revoked} removed`,
    ],
    ...pictureRows(report),
    ...(current === null
      ? []
      : [
          [
            "current round",
            `${current.round + 1} (${placeText(current, report)}, attempt ${current.attempt + 1}) is ${current.state}: ${current.accepted} of ${current.assigned} updates in`,
          ],
        ]),
    ...trialRows(report),
    ...decisionRows(report),
    ...evidenceRows(report),
    ...verdictRows(report),
  ]);
  const probes = probeTable(report);
  if (probes === undefined) return table;
  return `${table}\n\n${probes}\n\nMedians over participants; value = agreement − transfer rate.`;
}

/** Whose pictures do not fit; nothing where nobody told. */
function pictureRows({ pictures: { told, unfit } }: CampaignReport): [string, string][] {
  if (told === 0) return [];
  const text =
    unfit === 0
      ? `${told} participants' look like what the model was trained on`
      : `${unfit} of ${told} participants' do not look like what the model was trained on (campaign participants shows whose)`;
  return [["pictures", text]];
}

/** Who looks at what rounds come to; nothing where nobody does. */
function trialRows({ config: { aggregation, trial } }: CampaignReport): [string, string][] {
  if (trial === null) return [];
  const text = `every candidate by at most ${trial.voters} participants, ${aggregation.hostile} of whom may be hostile (campaign participants shows who is left out)`;
  return [["trial", text]];
}

/** What is re-initialised is not known before the statistics are there. */
function strategyRow({ reinit: { strategy, strength } }: CampaignReport["config"]): string[] {
  const text = `${strategyText(strategy)}, strength ${strength}, once statistics are measured`;
  return ["re-initialised", text];
}

function strategyText(strategy: CampaignReport["config"]["reinit"]["strategy"]): string {
  const byChannel = strategy.kind !== "head" && strategy.granularity === "channel";
  return byChannel ? `${strategy.kind}, by channel` : strategy.kind;
}

function adversaryText({ adversary }: CampaignReport["config"]["distillation"]): string {
  if (adversary === null) return "off";
  const {
    scope,
    norm,
    radius,
    weight,
    share,
    lowFrequencies: low,
    warp,
    waves,
    heatMap,
    shortcuts,
    bends,
  } = adversary;
  const led =
    bends === null ? "" : ` (${percent(bends.share)} from bends to ${bends.classes} classes)`;
  const bent = warp === null ? "" : `, warp ${warp.grid}×${warp.grid} radius ${warp.radius}${led}`;
  const stretched = low === null ? "" : ` (low frequencies × ${low.gain})`;
  const misled = shortcuts === null ? "" : `, shortcuts to ${shortcuts.classes} classes`;
  const mapped = heatMap === null ? "" : ` (${percent(heatMap.share)} by a heat map)`;
  const rippled = waves === null ? "" : `, waves to ${waves.radius}${mapped}`;
  return `${scope}, ${norm} radius ${radius}${stretched}${bent}${rippled}${misled}, weight ${weight} on ${percent(share)} of each batch`;
}

/** A line each by its name in words, with its numbers; nothing where there are none. */
function regulariserRows(distillation: Regularisers): [string, string][] {
  return CAMPAIGN_REGULARISERS.flatMap((name): [string, string][] => {
    const settings = distillation[name];
    if (!settings) return [];
    const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    const numbers = Object.entries(settings).map(([number, value]) => `${number} ${value}`);
    return [[words, numbers.join(", ")]];
  });
}

/** Channels re-initialised whole at any strength, a line a tensor. */
function outlierRows({ reinitialised }: StartReport): [string, string][] {
  return reinitialised
    .flatMap(({ outliers }) => outliers)
    .map(({ tensor, channels }, index) => [
      index === 0 ? "outlier channels" : "",
      `${tensor}: ${channels.join(", ")}`,
    ]);
}

function batchText({ batchSize, normGroupSize }: CampaignReport["config"]["distillation"]): string {
  return normGroupSize === undefined || normGroupSize === batchSize
    ? `${batchSize} images`
    : `${batchSize} images (batch norm over ${normGroupSize})`;
}

/** All attempts as a table; rounds and attempts count from 1 for people, from 0 in JSON. */
export function roundTable(rounds: readonly RoundReport[]): string {
  if (rounds.length === 0) return "No rounds yet.";
  const evidence = givenModelText(rounds);
  const table = textTable([
    [
      "round",
      "part",
      "attempt",
      "state",
      "updates",
      "images",
      "loss",
      "agreement",
      "transfer",
      "UAP target",
      "UAP fooling",
      "warp target",
      "warp fooling",
      "perturbed",
      "flips to",
      "norms",
      "clipped",
      "received",
      "detail",
    ],
    ...rounds.map((round) => [
      String(round.round + 1),
      placeCell(round),
      String(round.attempt + 1),
      round.state,
      `${round.accepted} of ${round.assigned}`,
      String(round.judging ? (round.scores?.images ?? 0) : round.examples),
      decimal(round.loss),
      percent(round.agreement),
      inheritedText(round.scores),
      ledToText(round.scores),
      reachText(round.scores),
      bentToText(round.scores),
      bendReachText(round.scores),
      perturbedText(round.scores),
      flipsText(round.scores),
      normsText(round.updates),
      round.updates === null ? "–" : `${round.updates.clipped} of ${round.accepted}`,
      bytesText(round.uploadedBytes),
      round.detail ?? refusedText(round),
    ]),
  ]);
  return evidence === undefined ? table : `${table}\n\n${evidence}`;
}

/** Nothing where nobody refused. */
function refusedText({ refused }: RoundReport): string {
  return refused === 0 ? "" : `${refused} cannot work with its student`;
}

/** Of single updates: smallest, median and largest. */
function normsText(updates: RoundReport["updates"]): string {
  if (updates === null) return "–";
  const { smallest, median, largest } = updates;
  return [smallest, median, largest].map(normText).join(" / ");
}

function participantTable(participants: readonly ParticipantReport[]): string {
  if (participants.length === 0) return "Nobody has joined yet: `invite CAMPAIGN` makes a link.";
  return textTable([
    [
      "participant",
      "label",
      "organisation",
      "backend",
      "images/s",
      "pictures",
      "state",
      "standing",
      "updates",
      "images",
      "last seen",
    ],
    ...participants.map((participant) => [
      participant.id,
      participant.label ?? "–",
      participant.organisation ?? "–",
      participant.backend ?? "–",
      decimal(participant.imagesPerSecond, 1),
      fitText(participant),
      participantState(participant),
      standingText(participant),
      String(participant.updatesAccepted),
      String(participant.examples),
      momentText(participant.lastSeenAt),
    ]),
  ]);
}

/** How sure the teacher is of its images, and how far these are from what it was trained on. */
function fitText({ fit, misfit }: ParticipantReport): string {
  if (fit === null) return "–";
  const away = fit.distance === null ? "" : `, ${Number(fit.distance.toPrecision(2))} away`;
  return `${percent(fit.confidence)} sure${away}${misfit === null ? "" : " (do not fit)"}`;
}

/** What trials of candidates say of it (SPEC K8). */
function standingText({ standing }: ParticipantReport): string {
  switch (standing?.kind) {
    case undefined:
      return "–";
    case "good":
      return "good";
    case "named":
      return `named by ${standing.words}`;
    case "quarantined":
      return `left out until round ${standing.until + 1}`;
    case "left-out":
      return "left out";
    default:
      return standing satisfies never;
  }
}

function participantState({ revoked, connected, progress }: ParticipantReport): string {
  if (revoked) return "removed";
  if (progress !== null && connected) return `step ${progress.step} of ${progress.localSteps}`;
  return connected ? "connected" : "away";
}

function metricsText(metrics: CampaignMetrics): string {
  return textTable([
    ["rounds done", `${metrics.campaign.round} of ${metrics.campaign.rounds}`],
    ["rounds void", String(metrics.roundsVoid)],
    ["updates accepted", String(metrics.updatesAccepted)],
    ["updates rejected", String(metrics.updatesRejected)],
    ["images", String(metrics.examples)],
    ["received", bytesText(metrics.uploadedBytes)],
    [
      "participants",
      `${metrics.participantsEnrolled} enrolled, ${metrics.participantsConnected} connected`,
    ],
    ["loss", decimal(metrics.loss)],
    ["agreement", percent(metrics.agreement)],
    ["regrowth alarm", metrics.regrowthAlarm ? "yes" : "no"],
    ["peak of a slice object", bytesText(metrics.peakSliceBytes)],
  ]);
}
