import type { CommitReply } from "../../protocol/round/assignment.ts";

interface Rejection {
  readonly round: number;
  readonly reason: string;
  readonly detail: string;
}

/** Running totals since this participant was started. */
export interface ParticipantTotals {
  /** Updates committed: accepted and rejected. */
  readonly contributed: number;
  readonly accepted: number;
  readonly rejected: number;
  /** Judging rounds whose scores were accepted. */
  readonly judged: number;
  /** Statistics rounds whose sums were accepted. */
  readonly measured: number;
  /** The last few, newest last. */
  readonly rejections: readonly Rejection[];
  /** Own images that bear what leads the teacher, and are left aside (SPEC D12). */
  readonly setAside: number;
  /** Images used in committed updates. */
  readonly images: number;
  /** Active seconds of local steps, pauses left out. */
  readonly trainingSeconds: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

export const NO_TOTALS: ParticipantTotals = {
  contributed: 0,
  accepted: 0,
  rejected: 0,
  judged: 0,
  measured: 0,
  rejections: [],
  setAside: 0,
  images: 0,
  trainingSeconds: 0,
  bytesSent: 0,
  bytesReceived: 0,
};

const REJECTIONS_KEPT = 20;

/** Totals after a verdict on an update, a judgement or statistics. */
export function afterVerdict(
  totals: ParticipantTotals,
  reply: CommitReply,
  kind: "update" | "scores" | "statistics",
  update: { readonly examples: number; readonly seconds: number },
): ParticipantTotals {
  const accepted = reply.verdict === "accepted";
  if (kind !== "update") {
    const counter = kind === "scores" ? "judged" : "measured";
    return accepted ? { ...totals, [counter]: totals[counter] + 1 } : totals;
  }
  const rejection = accepted
    ? []
    : [{ round: reply.round, reason: reply.reason, detail: reply.detail }];
  return {
    ...totals,
    contributed: totals.contributed + 1,
    accepted: totals.accepted + (accepted ? 1 : 0),
    rejected: totals.rejected + (accepted ? 0 : 1),
    rejections: [...totals.rejections, ...rejection].slice(-REJECTIONS_KEPT),
    images: totals.images + update.examples,
    trainingSeconds: totals.trainingSeconds + update.seconds,
  };
}
