import type { CampaignPart, ParticipantStatus } from "../../participant/status.ts";
import type { ParticipantTotals } from "../../participant/totals.ts";
import { bytesText } from "../../text/numbers-text.ts";

/** One line of what a participant does at the moment. */
export function statusText(status: ParticipantStatus): string {
  switch (status.kind) {
    case "joining":
      return "joining";
    case "downloading":
      return `downloading the ${status.what}: ${bytesText(status.bytes)} of ${bytesText(status.totalBytes)}`;
    case "verifying":
      return "checking that the student follows from the teacher and the seed";
    case "fitting":
      return "asking the teacher what it makes of these images";
    case "asking":
      return `these images do not look like what this model was trained on: ${status.misfit.detail}`;
    case "measuring":
      return "measuring how fast this device is";
    case "waiting":
      return status.detail ?? `waiting: ${WAITS[status.reason]}`;
    case "seeking":
      return `seeking what misleads the teacher, search ${status.searches} of ${status.totalSearches}`;
    case "training":
      return `${roundText(status)}: step ${status.step} of ${status.localSteps}${status.loss === null ? "" : `, loss ${status.loss.toFixed(4)}`}, ${status.imagesPerSecond.toFixed(0)} images/s`;
    case "statistics":
      return `round ${status.round + 1}: measuring statistics of own images for the teacher, ${status.images} of ${status.totalImages}`;
    case "judging":
      return `${roundText(status)}: judging the student on held-out images, pass ${status.passes} of ${status.totalPasses}`;
    case "screening":
      return `looking whether own images bear something that leads the model, ${status.passes} of ${status.totalPasses}`;
    case "screened":
      return `${status.setAside} of ${status.images} images bear one small thing that leads the model to one answer: they are set aside, and neither trained on nor tested with; see where they came from`;
    case "trying":
      return `${roundText(status)}: looking at what it came to, pass ${status.passes} of ${status.totalPasses}`;
    case "uploading":
      return status.totalBytes === 0
        ? `round ${status.round + 1}: sending the scores`
        : `round ${status.round + 1}: sent ${bytesText(status.bytes)} of ${bytesText(status.totalBytes)}`;
    case "paused":
      return "paused";
    case "stopped":
      return "stopped";
    case "finished":
      return `the campaign is ${status.state}${status.detail === null ? "" : `. ${status.detail}`}`;
    case "failed":
      return status.message;
    default:
      return status satisfies never;
  }
}

/** A working participant is told of no sooner than this after the last line, unless it does something new. */
const TOLD_EVERY_MS = 30_000;

/**
 * Says what participants of this process do: a line for what none of them did before, then one every half
 * minute of whichever it is that works. What they wait for is not said: they wait for each other.
 *
 * @param now milliseconds, ascending
 */
export function workNotes(
  note: (line: string) => void,
  now: () => number = () => performance.now(),
): (label: string, status: ParticipantStatus) => void {
  const seen = new Set<ParticipantStatus["kind"]>();
  let told = now();
  return (label, status) => {
    if (!isWork(status.kind)) return;
    if (seen.has(status.kind) && now() - told < TOLD_EVERY_MS) return;
    seen.add(status.kind);
    told = now();
    note(`${label}: ${statusText(status)}`);
  };
}

function isWork(kind: ParticipantStatus["kind"]): boolean {
  switch (kind) {
    case "fitting":
    case "measuring":
    case "seeking":
    case "statistics":
    case "screening":
    case "training":
    case "judging":
    case "trying":
      return true;
    case "joining":
    case "downloading":
    case "verifying":
    case "asking":
    case "waiting":
    case "screened":
    case "uploading":
    case "paused":
    case "stopped":
    case "finished":
    case "failed":
      return false;
    default:
      return kind satisfies never;
  }
}

/** `round 3`, or `round 3, probe 1 of 3`. */
function roundText({
  part,
  round,
}: {
  readonly part: CampaignPart;
  readonly round: number;
}): string {
  const probe = part.kind === "probe" ? `, probe ${part.number} of ${part.of}` : "";
  return `round ${round + 1}${probe}`;
}

const WAITS = {
  "not-started": "the campaign has not started",
  paused: "the campaign is paused",
  "round-full": "this round has enough participants",
  "invite-full": "others who joined with the same invite have its place in this round",
  combining: "the round's updates are being combined",
  "already-contributed": "this round has our update",
  "too-late": "this round ends too soon for another update",
  undecided: "whether to take part is not decided",
  "broken-student": "this round's student is broken; the coordinator was told",
  "connection-lost": "the coordinator does not answer",
} as const;

/** What a participant gave, summed up. */
export function totalsText(totals: ParticipantTotals): string {
  const speed = totals.trainingSeconds > 0 ? totals.images / totals.trainingSeconds : 0;
  return `${totals.accepted} updates accepted, ${totals.rejected} rejected, ${totals.judged} rounds judged${totals.measured === 0 ? "" : ", statistics measured"}; ${totals.images} images at ${speed.toFixed(0)} a second; ${bytesText(totals.bytesSent)} sent, ${bytesText(totals.bytesReceived)} received`;
}
