import type { UnreadableCampaign } from "../../protocol/round/reports.ts";
import type { CampaignFigures } from "../campaign/reports.ts";
import { campaignStateSchema } from "../../protocol/round/states.ts";

/** Text exposition format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats). */
export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly samples: (figures: CampaignFigures) => readonly Sample[];
}

type Figure = (figures: CampaignFigures) => number | null;

function family(type: Family["type"], name: string, help: string, figure: Figure): Family {
  return {
    name,
    type,
    help,
    samples: (figures) => {
      const value = figure(figures);
      return value === null ? [] : [{ labels: {}, value }];
    },
  };
}

const FAMILIES: readonly Family[] = [
  {
    name: "scour_campaign_state",
    type: "gauge",
    help: "1 for the state the campaign is in, 0 for the others.",
    samples: ({ metrics }) =>
      campaignStateSchema.options.map((state) => ({
        labels: { state },
        value: metrics.campaign.state === state ? 1 : 0,
      })),
  },
  family("gauge", "scour_rounds", "Rounds the campaign has.", (f) => f.metrics.campaign.rounds),
  family(
    "counter",
    "scour_rounds_committed_total",
    "Rounds committed.",
    (f) => f.metrics.campaign.round,
  ),
  family(
    "counter",
    "scour_rounds_void_total",
    "Attempts without result.",
    (f) => f.metrics.roundsVoid,
  ),
  family(
    "counter",
    "scour_updates_accepted_total",
    "Updates accepted.",
    (f) => f.metrics.updatesAccepted,
  ),
  family(
    "counter",
    "scour_updates_rejected_total",
    "Updates rejected.",
    (f) => f.metrics.updatesRejected,
  ),
  family(
    "counter",
    "scour_examples_total",
    "Images used in accepted updates.",
    (f) => f.metrics.examples,
  ),
  family(
    "counter",
    "scour_uploaded_bytes_total",
    "Bytes of update slices stored.",
    (f) => f.metrics.uploadedBytes,
  ),
  family(
    "gauge",
    "scour_participants_enrolled",
    "Participants enrolled.",
    (f) => f.metrics.participantsEnrolled,
  ),
  family(
    "gauge",
    "scour_participants_connected",
    "Participants heard of lately.",
    (f) => f.metrics.participantsConnected,
  ),
  family("gauge", "scour_regrowth_alarm", "1 once regrowth of the backdoor was seen.", (f) =>
    Number(f.metrics.regrowthAlarm),
  ),
  family(
    "gauge",
    "scour_distillation_loss_nats",
    "Mean distillation loss of the latest round.",
    (f) => f.metrics.loss,
  ),
  family(
    "gauge",
    "scour_teacher_agreement_ratio",
    "Share of images of the latest round on which student and teacher agree.",
    (f) => f.metrics.agreement,
  ),
  family(
    "gauge",
    "scour_slice_peak_bytes",
    "Most bytes a slice object held at once.",
    (f) => f.metrics.peakSliceBytes,
  ),
  family(
    "counter",
    "scour_malformed_events_total",
    "Socket messages that did not parse.",
    (f) => f.malformedEvents,
  ),
];

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function line(name: string, { labels, value }: Sample): string {
  const list = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
  return `${name}{${list.join(",")}} ${value}\n`;
}

/** Figures of all campaigns as a page for Prometheus to scrape. */
export function prometheusText(
  campaigns: readonly (CampaignFigures | UnreadableCampaign)[],
): string {
  const readable = campaigns.filter((campaign) => "metrics" in campaign);
  const unreadable = campaigns.filter((campaign) => "unreadable" in campaign);
  let text = "";
  if (unreadable.length > 0) {
    const name = "scour_campaign_unreadable";
    const lines = unreadable.map(({ id }) => line(name, { labels: { campaign: id }, value: 1 }));
    text += `# HELP ${name} 1 for a campaign that this coordinator cannot read; \`campaign list\` says why.\n# TYPE ${name} gauge\n${lines.join("")}`;
  }
  for (const { name, type, help, samples } of FAMILIES) {
    const lines = readable.flatMap((figures) => {
      const { id, name: title } = figures.metrics.campaign;
      return samples(figures).map(({ labels, value }) =>
        line(name, { labels: { campaign: id, name: title, ...labels }, value }),
      );
    });
    if (lines.length > 0) {
      text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
    }
  }
  return text;
}
