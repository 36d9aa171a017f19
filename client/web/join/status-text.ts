import type { CampaignPart, ParticipantStatus, WaitReason } from "../../participant/status.ts";
import type { CampaignState } from "../../../protocol/round/states.ts";
import { bytesText } from "../../text/numbers-text.ts";

const WAITS: Record<WaitReason, string> = {
  "not-started": "The campaign has not started yet. Waiting for it.",
  paused: "The campaign is paused. Waiting for it to go on.",
  "invite-full":
    "Others who opened the same invite have its place in this round. Waiting for the next.",
  "round-full": "This round has enough hands. Waiting for the next.",
  combining: "The coordinator combines the updates. Waiting for the next round.",
  "already-contributed": "Your part is in. Waiting for the next round.",
  "too-late": "This round ends too soon for this device. Waiting for the next.",
  undecided: "Waiting for your decision.",
  "broken-student":
    "Something is wrong with this round's model, and the organisers were told. Waiting for another.",
  "connection-lost": "No connection to the coordinator. It is tried again by itself.",
};

/** How a campaign ended; it has not in the other states. */
const ENDS: Partial<Record<CampaignState, string>> = {
  finished: "The campaign is complete.",
  failed: "The campaign ended without a result: something was wrong with the last model.",
  aborted: "The campaign was ended.",
};

/** Nothing for the campaign proper; which trial it is, for a probe. */
function partText(part: CampaignPart): string {
  return part.kind === "probe" ? `Trial ${part.number} of ${part.of}. ` : "";
}

/** What the participant does, in a sentence. Rounds are counted from 1 for people. */
export function statusText(status: ParticipantStatus): string {
  switch (status.kind) {
    case "joining":
      return "Joining the campaign…";
    case "downloading":
      return status.what === "teacher"
        ? `Fetching the model: ${bytesText(status.bytes)} of ${bytesText(status.totalBytes)}`
        : `Fetching the round's student: ${bytesText(status.bytes)} of ${bytesText(status.totalBytes)}`;
    case "verifying":
      return "Checking that the coordinator's starting point is what it says…";
    case "fitting":
      return "Asking the model what it makes of your images…";
    case "asking":
      return "Your pictures do not look like what this model was trained on.";
    case "measuring":
      return "Measuring how fast this device is…";
    case "waiting":
      return WAITS[status.reason];
    case "seeking":
      return `Finding out what misleads the model, once: ${Math.floor((100 * status.searches) / status.totalSearches)} %`;
    case "training":
      return `${partText(status.part)}Training: step ${status.step} of ${status.localSteps}`;
    case "statistics":
      return `Measuring statistics of your images with the model: ${Math.floor((100 * status.images) / status.totalImages)} %`;
    case "judging":
      return `${partText(status.part)}Testing the student on images of yours that it was not trained on: ${Math.floor((100 * status.passes) / status.totalPasses)} %`;
    case "screening":
      return `Looking whether your images bear something that leads the model: ${Math.floor((100 * status.passes) / status.totalPasses)} %`;
    case "screened":
      return `${status.setAside} of your ${status.images} images bear one small thing that leads the model to one answer. They are set aside.`;
    case "trying":
      return `${partText(status.part)}Testing what this round came to on images of yours that it was not trained on: ${Math.floor((100 * status.passes) / status.totalPasses)} %`;
    case "uploading":
      return status.totalBytes === 0
        ? "Sending the test's results…"
        : `Sending the update: ${bytesText(status.bytes)} of ${bytesText(status.totalBytes)}`;
    case "paused":
      return "Paused. The device is idle.";
    case "stopped":
      return "You left the campaign.";
    case "finished":
      return [ENDS[status.state] ?? "The campaign was ended.", status.detail]
        .filter((text) => text !== null)
        .join(" ");
    case "failed":
      return status.message;
  }
}

/** Round the status speaks of, counted from 0; null when it speaks of none. */
export function roundOf(status: ParticipantStatus): number | null {
  return "round" in status ? status.round : null;
}
