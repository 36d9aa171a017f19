import { ProtocolError, type ProblemCode } from "../../protocol/errors.ts";
import { EngineError } from "../engine/engine-error.ts";
import { ImageError } from "../images/image-error.ts";
import { ParticipantError, type ParticipantErrorCode } from "./participant-error.ts";
import type { ParticipantStatus } from "./status.ts";

const PROBLEM_HINTS: Partial<Record<ProblemCode, string>> = {
  "credential-expired": "Open the invite link again; if that fails, ask for a new invite.",
  "bad-signature": "Open the invite link again; if that fails, ask for a new invite.",
  "campaign-ended": "Nothing more is asked of you.",
  unauthenticated: "Open the invite link again, whole; if that fails, ask for a new invite.",
  forbidden: "Ask whoever invited you for a new invite.",
  "participant-revoked":
    "The organisers removed this participant. Ask them if you think it a mistake.",
  "invite-expired": "Ask whoever invited you for a new invite.",
  "invite-revoked": "Ask whoever invited you for a new invite.",
  "invite-exhausted": "Every place of this invite is taken. Ask for a new invite.",
  "not-found": "The campaign is not at this coordinator. Check the link.",
  "unsupported-version":
    "Reload the page, or update the command line, to the coordinator's version.",
};

const CHECK_LINK = "Check the link and the coordinator's address.";
const PARTICIPANT_HINTS: Record<ParticipantErrorCode, string> = {
  "invalid-invite": CHECK_LINK,
  "unexpected-reply": CHECK_LINK,
  "campaign-not-verified":
    "Nothing more of yours is sent. Do not take part until the organisers have explained this.",
  "images-set-aside": "Look where these pictures came from, and take part with others.",
  "images-do-not-fit":
    "Choose other images, or contribute with these anyway if you know that they are right. If other participants see this too, the organisers should check what the campaign says of the model: mean and std, and what its tensors do not tell.",
  "not-vouched-for":
    "Ask your organisation, or whoever invited you. Nothing of yours was sent but that you came.",
  "not-private":
    "Nothing more of yours is sent. Do not take part until whoever invited you has explained this.",
  "no-signatures":
    "Update the browser, or use Chrome or Edge 137, Firefox 130, Safari 17 or newer, at an address that begins with https://.",
  "too-slow":
    "Use a device with a faster GPU, close what else keeps this one busy, or ask the organisers for a campaign with a longer deadline.",
};

/** The status for an error a participant cannot go on from. */
export function failureOf(error: unknown): Extract<ParticipantStatus, { kind: "failed" }> {
  const message = error instanceof Error ? error.message : String(error);
  return { kind: "failed", message, ...explain(error) };
}

function explain(error: unknown): { readonly code: string; readonly hint: string } {
  if (error instanceof ProtocolError) {
    const hint = PROBLEM_HINTS[error.code] ?? "Tell the organisers what this says.";
    return { code: error.code, hint };
  }
  if (error instanceof EngineError) {
    if (error.code === "too-large") return { code: error.code, hint: "Nothing was fetched yet." };
    return {
      code: error.code,
      hint:
        error.code === "device-failed" || error.code === "not-finite"
          ? "Start again; if it happens again, choose the wasm backend or update the graphics driver."
          : "Choose another backend.",
    };
  }
  if (error instanceof ImageError) return { code: error.code, hint: "Choose other images." };
  if (error instanceof ParticipantError) {
    return { code: error.code, hint: PARTICIPANT_HINTS[error.code] };
  }
  return { code: "unexpected", hint: "This is a fault in Scour: please report it." };
}
