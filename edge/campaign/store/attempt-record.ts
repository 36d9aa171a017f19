import type { OpenedTotals } from "../../../protocol/privacy/two-operators/sealed-seed-schema.ts";
import type { Digest } from "../../../protocol/digest.ts";
import type { ScoreSummary } from "../../../protocol/round/score-summary.ts";
import type { RoundState } from "../../../protocol/round/states.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";

/** One try at one round. */
export interface AttemptRecord extends AttemptId {
  readonly state: RoundState;
  readonly openedAt: number;
  /** null while open, and while the campaign is paused. */
  readonly deadline: number | null;
  readonly endedAt: number | null;
  readonly detail: string | null;
  readonly updateNorm: number | null;
  /** Summary of what its commits say; null until it is committed. */
  readonly scores: ScoreSummary | null;
  /** What its sum said beside the values; null where the round was not private, or is not committed. */
  readonly opened: OpenedTotals | null;
  /** Of the configuration that the first of its seeds was sealed under; null where there is none. */
  readonly sealedUnder: Digest | null;
  readonly uploadedBytes: number;
  /** Times that combining failed, and when it is tried again. */
  readonly failures: number;
  readonly retryAt: number | null;
}

export interface AttemptRow extends Record<string, SqlStorageValue> {
  round: number;
  attempt: number;
  state: RoundState;
  opened_at: number;
  deadline: number | null;
  ended_at: number | null;
  detail: string | null;
  update_norm: number | null;
  scores: string | null;
  opened: string | null;
  sealed_under: string | null;
  uploaded_bytes: number;
  failures: number;
  retry_at: number | null;
}

/** Each with its column; what is no SQL value is stored as JSON. */
export const CHANGEABLE = {
  state: "state",
  deadline: "deadline",
  endedAt: "ended_at",
  detail: "detail",
  updateNorm: "update_norm",
  scores: "scores",
  opened: "opened",
  sealedUnder: "sealed_under",
  failures: "failures",
  retryAt: "retry_at",
} as const satisfies Partial<Record<keyof AttemptRecord, string>>;

export function attemptOf(row: AttemptRow): AttemptRecord {
  return {
    round: row.round,
    attempt: row.attempt,
    state: row.state,
    openedAt: row.opened_at,
    deadline: row.deadline,
    endedAt: row.ended_at,
    detail: row.detail,
    updateNorm: row.update_norm,
    scores: row.scores === null ? null : (JSON.parse(row.scores) as ScoreSummary),
    opened: row.opened === null ? null : (JSON.parse(row.opened) as OpenedTotals),
    sealedUnder: row.sealed_under as Digest | null,
    uploadedBytes: row.uploaded_bytes,
    failures: row.failures,
    retryAt: row.retry_at,
  };
}
