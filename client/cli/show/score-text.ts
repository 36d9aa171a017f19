import type { LineStep } from "../../../protocol/round/decisions.ts";
import type { CampaignReport, RoundReport } from "../../../protocol/round/reports.ts";
import { gateText } from "./failed-campaign.ts";
import { textTable } from "./text-table.ts";
import { decimal, percent } from "../../text/numbers-text.ts";

type Summary = NonNullable<RoundReport["scores"]>;

/** Share of the teacher's mistakes under perturbation that students make too (SPEC J2). */
export function inheritedText(scores: Summary | null): string {
  return percent(scores?.medians.transferRate);
}

/**
 * The class that most participants find the teacher led to most easily, and how many of those who
 * find one; a dash where nobody does.
 */
export function ledToText(scores: Summary | null): string {
  return mostFoundText(scores?.transfer.classes ?? []);
}

/** The same of what bends images. */
export function bentToText(scores: Summary | null): string {
  return mostFoundText(scores?.bends ?? []);
}

function mostFoundText(classes: Summary["bends"]): string {
  const [most] = classes;
  if (most === undefined) return "–";
  const all = classes.reduce((sum, { participants }) => sum + participants, 0);
  return `${most.class} (${most.participants} of ${all})`;
}

/** Share of images that a perturbation of the smallest norm leads to one class in the teacher. */
export function reachText(scores: Summary | null): string {
  return percent(scores?.medians.reach);
}

/** Share of images that displacements half as long as those trained against lead to one class. */
export function bendReachText(scores: Summary | null): string {
  return percent(scores?.medians.bendReach);
}

/**
 * What participants say of the model that they were given, without labels, in the last round that was
 * scored: one sentence; undefined where none was.
 */
export function givenModelText(rounds: readonly RoundReport[]): string | undefined {
  const scores = rounds.findLast((round) => round.scores !== null)?.scores;
  if (scores === undefined || scores === null) return undefined;
  const led = (classes: Summary["bends"], reach: number | null): string => {
    const [most] = classes;
    if (most === undefined || reach === null) return "nowhere";
    return `to class ${most.class} on ${percent(reach)} of images (${most.participants} of ${scores.participants} participants name that class)`;
  };
  const { bends, medians, transfer } = scores;
  const added = `The smallest universal perturbation leads the model that was given ${led(transfer.classes, medians.reach)}`;
  if (medians.bendReach === null) return `${added}.`;
  return `${added}, bending images ${led(bends, medians.bendReach)}.`;
}

/** Agreement under perturbation at each norm that was scored, the smallest first. */
export function perturbedText(scores: Summary | null): string {
  const shares = (scores?.perturbed ?? []).map(({ agreement }) => (100 * agreement).toFixed(1));
  return shares.length === 0 ? "–" : `${shares.join(" / ")} %`;
}

/** Where answers went under the largest norm; a dash where none left. */
export function flipsText(scores: Summary | null): string {
  const widest = scores?.perturbed.at(-1);
  if (widest === undefined || widest.topClass === null) return "–";
  return `${widest.topClass} (${percent(widest.topShare)})`;
}

/** The curve that the probes gave, a line a candidate; undefined without probes. */
export function probeTable({ config, starts, choice }: CampaignReport): string | undefined {
  if (config.reinit.strength !== "auto" || starts.length === 0) return undefined;
  return textTable([
    [
      "probe",
      "strength",
      "loss",
      "agreement",
      "transfer",
      ...config.judging.radii.map((radius) => `at ${radius}`),
      "flips to",
      "value",
      "",
    ],
    ...starts.map(({ strength, scores }, candidate) => [
      String(candidate + 1),
      String(strength),
      decimal(scores?.medians.loss),
      percent(scores?.medians.agreement),
      inheritedText(scores),
      ...config.judging.radii.map((radius) =>
        percent(scores?.medians.perturbed.find((at) => at.radius === radius)?.agreement),
      ),
      flipsText(scores),
      decimal(choice?.values[candidate], 3),
      choice?.candidate === candidate ? "chosen" : "",
    ]),
  ]);
}

function lineStepRow(label: string, step: LineStep | undefined): [string, string][] {
  return step === undefined ? [] : [[label, `after round ${step.round + 1}: ${step.detail}`]];
}

/** What the campaign decided by itself, as label and text. */
export function decisionRows(report: CampaignReport): [string, string][] {
  const { choice, alarm, stopped, overshoot, pullBack, gate } = report;
  const held = gateText(report);
  return [
    ...(choice === null ? [] : [["chosen", `strength ${choice.strength}`] as [string, string]]),
    ...(alarm === null ? [] : [["alarm", alarmText(alarm)] as [string, string]]),
    ...(stopped === null
      ? []
      : [["stopped", `after round ${stopped.round + 1}: ${stopped.detail}`] as [string, string]]),
    ...lineStepRow("overshoot", overshoot),
    ...lineStepRow("pull back", pullBack),
    ...(held === undefined
      ? []
      : [[gate?.verdict === "failed" ? "FAILED" : "last student", held] as [string, string]]),
  ];
}

/** What is missing to judge the result by, as a row; none where nothing is. */
export function evidenceRows({ evidenceGap }: CampaignReport): [string, string][] {
  return evidenceGap === null ? [] : [["evidence", evidenceGap]];
}

/** The regrowth alarm in one sentence or two. */
function alarmText({ round, fellBackTo, detail }: NonNullable<CampaignReport["alarm"]>): string {
  const done =
    fellBackTo === null
      ? "the campaign was set to go on all the same"
      : `the campaign went back to the student of round ${fellBackTo}`;
  return `after round ${round + 1}: ${detail}; ${done}`;
}
