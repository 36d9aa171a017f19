import type { CampaignReport, RoundReport } from "../../protocol/round/reports.ts";
import type { Evaluation } from "../evaluation/evaluate-model.ts";
import { lineChart, type LineChart } from "./line-chart.ts";
import { lines, markup, NO_MARKUP, type Markup } from "./markup.ts";

export interface DemoReport {
  readonly campaign: CampaignReport;
  readonly rounds: readonly RoundReport[];
  readonly before: Evaluation;
  readonly after: Evaluation;
  readonly seconds: number;
  /** SHA-256 of the cleansed file. */
  readonly cleansedDigest: string;
  /** What participants say of the teacher, a sentence; undefined where nobody scored. */
  readonly evidence: string | undefined;
  readonly samples: readonly SampleImage[];
}

/** A clean image and its stamped copy, with both models' answers. */
export interface SampleImage {
  readonly label: string;
  /** PNG. */
  readonly clean: Uint8Array;
  readonly triggered: Uint8Array;
  readonly teacherAnswer: string;
  readonly cleansedAnswer: string;
}

/** The demo's report: one HTML page that needs nothing beside itself. */
export function reportPage(report: DemoReport): string {
  const { campaign, rounds, before, after } = report;
  // A judging round's figures are of other images, at another temperature.
  const training = rounds.filter(({ judging }) => !judging);
  const curve = (pick: (round: RoundReport) => number | null): number[] =>
    training.map(pick).filter((value) => value !== null);
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Scour: the demo's report</title>
<style>
  :root { color-scheme: light dark; --accent: #0b7285; --line: #8884; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.7rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
  table { border-collapse: collapse; } th, td { padding: .35rem .9rem .35rem 0; text-align: left; border-bottom: 1px solid var(--line); }
  td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
  code { font-size: .85em; overflow-wrap: anywhere; }
  .charts, .samples { display: flex; flex-wrap: wrap; gap: 1.5rem; }
  svg { width: 28rem; max-width: 100%; height: auto; } figure { margin: 0; }
  .samples figure { font-size: .85rem; } .samples img { width: 6rem; image-rendering: pixelated; border-radius: 4px; }
  .wrong { color: #c92a2a; } .right { color: #2b8a3e; }
</style>
</head>
<body>
<h1>A backdoored model, cleansed without labels</h1>
<p>${count(training.length)} rounds of ${campaign.config.distillation.localSteps} steps with ${campaign.participants.enrolled} participants, none of whom had a label or showed anybody an image. The whole took ${report.seconds.toFixed(0)} seconds.</p>

${verdictText(campaign)}
<h2>Before and after</h2>
<table>
<tr><th></th><th class="number">accuracy (ACC)</th><th class="number">attack success (ASR)</th><th class="number">robust accuracy (RA)</th><th class="number">agreement with the teacher</th></tr>
${evaluationRow("teacher", before)}
${evaluationRow("cleansed", after)}
</table>
<p>On ${after.images} drawn images that nobody trained on. ASR: stamped images answered with the attacker's class, of those that are something else. RA: the same images answered rightly.</p>

<h2>Images, clean and stamped</h2>
<div class="samples">
${lines(report.samples.map(sampleFigure))}
</div>

<h2>Round by round</h2>
<div class="charts">
${lineChart(
  overRounds(
    "Distillation loss (nats)",
    curve(({ loss }) => loss),
  ),
)}
${lineChart({
  ...overRounds(
    "Agreement with the teacher",
    curve(({ agreement }) => agreement),
  ),
  top: 1,
})}
${inheritedChart(curve(({ scores }) => scores?.medians.transferRate ?? null))}
</div>
<p>The transfer rate is the share of the mistakes that the teacher makes on held-out images, under one universal perturbation towards one class, which the student that each round began with makes too; agreement under perturbation is what one made against that student leaves.${decisionText(campaign)}</p>
<table>
<tr><th>round</th><th class="number">updates</th><th class="number">images</th><th class="number">loss</th><th class="number">agreement</th><th class="number">transfer rate</th><th class="number">under perturbation</th><th class="number">bytes received</th></tr>
${lines(rounds.map(roundRow))}
</table>

${evidenceText(report)}
<h2>Settings</h2>
<p>Teacher <code>${campaign.model.digest}</code> (${campaign.model.architecture}, ${campaign.model.classes} classes, ${campaign.model.trainableLength} trainable values), cleansed file <code>${report.cleansedDigest}</code>.</p>
<table>
<tr><th>part of the network</th><th class="number">weights re-initialised</th><th class="number">share</th></tr>
${lines(campaign.starts[campaign.choice?.candidate ?? 0]!.reinitialised.map(stageRow))}
</table>
<pre><code>${JSON.stringify(campaign.config, null, 2)}</code></pre>
</body>
</html>
`.toString();
}

function overRounds(title: string, values: readonly number[]): LineChart {
  const points = values.map((y, index) => ({ x: index + 1, y }));
  return {
    title,
    xLabel: "round",
    series: [{ name: title, colour: "var(--accent)", points }],
    dots: true,
  };
}

function evaluationRow(name: string, { acc, asr, ra, agreement }: Evaluation): Markup {
  const cells = [acc, asr, ra, agreement].map(
    (value) => markup`<td class="number">${percent(value)}</td>`,
  );
  return markup`<tr><th>${name}</th>${cells}</tr>`;
}

function inheritedChart(values: readonly number[]): Markup {
  if (values.length === 0) return NO_MARKUP;
  return lineChart({
    ...overRounds("Transfer rate: mistakes of the teacher that students make too", values),
    top: 1,
  });
}

/** What can be said of the teacher without a label. */
function evidenceText({ evidence }: DemoReport): Markup {
  if (evidence === undefined) return NO_MARKUP;
  return markup`
<h2>What participants say of the teacher</h2>
<p>${evidence} They had neither a label nor the trigger. Above 60 % and 50 % this is what a patch or an added pattern, and what a warping trigger looks like; below it says nothing either way.</p>
`;
}

/** What is held of the result, without labels. */
function verdictText({ verdict }: CampaignReport): Markup {
  if (verdict === null) return NO_MARKUP;
  return markup`
<h2>Verdict: ${verdict.verdict.replace("-", " ")}</h2>
<p>Without a label or the trigger, by what participants scored:</p>
<ul>
${lines(verdict.reasons.map(({ text }) => markup`<li>${text}</li>`))}
</ul>
<p>${verdict.next}</p>
`;
}

/** What the campaign decided by itself. */
function decisionText(report: CampaignReport): string {
  const { choice, alarm, stopped } = report;
  const lineStep = report.overshoot ?? report.pullBack;
  const said = [
    choice === null ? "" : `Probes chose strength ${choice.strength}.`,
    alarm === null ? "" : `Alarm after round ${alarm.round + 1}: ${alarm.detail}.`,
    lineStep === undefined ? "" : `After round ${lineStep.round + 1}: ${lineStep.detail}.`,
    stopped === null ? "" : `It stopped after round ${stopped.round + 1}: ${stopped.detail}.`,
  ].filter((sentence) => sentence !== "");
  return said.map((sentence) => ` ${sentence}`).join("");
}

function roundRow(round: RoundReport): Markup {
  const perturbed = (round.scores?.perturbed ?? []).map(({ agreement }) => percent(agreement));
  const cells = [
    round.accepted,
    round.judging ? (round.scores?.images ?? 0) : round.examples,
    round.loss?.toFixed(4) ?? "–",
    percent(round.agreement),
    percent(round.scores?.medians.transferRate ?? null),
    perturbed.length === 0 ? "–" : perturbed.join(", "),
    round.uploadedBytes,
  ];
  return markup`<tr><td>${round.round + 1}${round.judging ? ", judging" : ""}</td>${cells.map((cell) => markup`<td class="number">${cell}</td>`)}</tr>`;
}

type Stage = CampaignReport["starts"][number]["reinitialised"][number];

function stageRow({ stage, weights, share }: Stage): Markup {
  const part = stage === "head" ? stage : `depth stage ${stage}`;
  return markup`<tr><td>${part}</td><td class="number">${weights}</td><td class="number">${percent(share)}</td></tr>`;
}

function sampleFigure(sample: SampleImage): Markup {
  const answer = (who: string, given: string): Markup =>
    markup`${who}: <b class="${given === sample.label ? "right" : "wrong"}">${given}</b>`;
  const image = (png: Uint8Array, what: string): Markup =>
    markup`<img alt="${sample.label}, ${what}" src="data:image/png;base64,${Buffer.from(png).toString("base64")}">`;
  return markup`<figure>${image(sample.clean, "clean")} ${image(sample.triggered, "stamped")}<figcaption>${sample.label}, stamped<br>${answer("teacher", sample.teacherAnswer)}<br>${answer("cleansed", sample.cleansedAnswer)}</figcaption></figure>`;
}

function percent(fraction: number | null): string {
  return fraction === null ? "–" : `${(100 * fraction).toFixed(1)} %`;
}

function count(rounds: number): string {
  const words = [
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
  ];
  const word = words[rounds] ?? String(rounds);
  return word.charAt(0).toUpperCase() + word.slice(1);
}
