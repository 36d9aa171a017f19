import type { Misfit } from "../../protocol/round/fit.ts";
import type { CampaignState } from "../../protocol/round/states.ts";

/** Why a participant waits. The last is its own: the others come from the coordinator. */
export type WaitReason =
  | "not-started"
  | "paused"
  | "round-full"
  | "invite-full"
  | "combining"
  | "already-contributed"
  | "too-late"
  | "undecided"
  | "broken-student"
  | "connection-lost";

/** The part of the campaign that a round belongs to: a probe (counted from 1), or the campaign proper. */
export type CampaignPart =
  | { readonly kind: "probe"; readonly number: number; readonly of: number }
  | { readonly kind: "main" };

/** What a participant does at the moment. Plain data: it may be posted between threads. */
export type ParticipantStatus =
  | { readonly kind: "joining" }
  | {
      readonly kind: "downloading";
      readonly what: "teacher" | "student";
      readonly bytes: number;
      readonly totalBytes: number;
    }
  /** Recomputes student₀ from the teacher and the seed, and compares. */
  | { readonly kind: "verifying" }
  /** Asks the teacher what it makes of own images: once, before anything else. */
  | { readonly kind: "fitting" }
  /** Looks whether own images bear what leads the teacher, to set them aside (SPEC D12): once. */
  | { readonly kind: "screening"; readonly passes: number; readonly totalPasses: number }
  /** So many of them do, and are neither trained on nor scored with. */
  | { readonly kind: "screened"; readonly images: number; readonly setAside: number }
  /** The teacher does not seem to be made for them: a person is asked whether to go on (SPEC F2). */
  | { readonly kind: "asking"; readonly misfit: Misfit }
  /** Seeks what misleads the teacher, to train against it: once, before it takes part in a round. */
  | { readonly kind: "seeking"; readonly searches: number; readonly totalSearches: number }
  /** Finds out how many steps a second this device takes. */
  | { readonly kind: "measuring" }
  | {
      readonly kind: "waiting";
      readonly reason: WaitReason;
      /** Round waited in; null before the first answer. */
      readonly round: number | null;
      /** More to say: what failed, when it is tried again. */
      readonly detail: string | null;
    }
  | {
      readonly kind: "training";
      readonly round: number;
      readonly attempt: number;
      readonly part: CampaignPart;
      /** Local steps done, of `localSteps`. */
      readonly step: number;
      readonly localSteps: number;
      /** Distillation loss of the last step, nats; null before the first. */
      readonly loss: number | null;
      readonly imagesPerSecond: number;
    }
  /** Measures what the teacher's batch norms read on own images: all that a statistics round asks for. */
  | {
      readonly kind: "statistics";
      readonly round: number;
      readonly attempt: number;
      readonly images: number;
      readonly totalImages: number;
    }
  /** Scores the round's student on held-out images: all that a judging round asks for. */
  | {
      readonly kind: "judging";
      readonly round: number;
      readonly attempt: number;
      readonly part: CampaignPart;
      /** Passes over the held-out images done, and how many there will be at most. */
      readonly passes: number;
      readonly totalPasses: number;
    }
  /** Looks at what the round came to, beside the student before it (SPEC K3). */
  | {
      readonly kind: "trying";
      readonly round: number;
      readonly attempt: number;
      readonly part: CampaignPart;
      /** Passes over the held-out images done, and how many there will be at most. */
      readonly passes: number;
      readonly totalPasses: number;
    }
  | {
      readonly kind: "uploading";
      readonly round: number;
      /** 0 of 0 where scores travel alone. */
      readonly bytes: number;
      readonly totalBytes: number;
    }
  /** Paused by this participant's own `pause()`. */
  | { readonly kind: "paused"; readonly round: number | null }
  /** Left by `stop()` or `finishRound()`. */
  | { readonly kind: "stopped" }
  /** The campaign takes no more updates. */
  | {
      readonly kind: "finished";
      readonly state: CampaignState;
      readonly round: number;
      /** How it ended, in sentences, where there is more to say. */
      readonly detail: string | null;
    }
  | {
      readonly kind: "failed";
      /** Code of the error's class, or `unexpected`. */
      readonly code: string;
      readonly message: string;
      /** What the person in front of it can do. */
      readonly hint: string;
    };

/** Whether nothing will follow this status. */
export function isOver(status: ParticipantStatus): boolean {
  return status.kind === "stopped" || status.kind === "finished" || status.kind === "failed";
}
