import type { FoundBroken, RefusalReport } from "../../../protocol/round/refusal.ts";
import type { ScoreSummary } from "../../../protocol/round/score-summary.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";
import { attemptOf, CHANGEABLE, type AttemptRecord, type AttemptRow } from "./attempt-record.ts";

/** Who holds an assignment of an attempt, and what came of it so far. */
export interface HolderRecord {
  readonly participant: string;
  readonly invite: string;
  readonly assignedAt: number;
  readonly lastSeenAt: number;
  /** null before the commit; `scored`: accepted, and with scores. */
  readonly verdict: "accepted" | "scored" | "rejected" | null;
}

interface LeaseRecord {
  /** null in one that an earlier version made: the campaign's own number. */
  readonly localSteps: number | null;
}

/** Reads and writes attempts, leases and refusals. */
export class RoundStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  open({ round, attempt }: AttemptId, now: number): void {
    this.#sql.exec(
      "INSERT INTO attempts (round, attempt, state, opened_at) VALUES (?, ?, 'open', ?)",
      round,
      attempt,
      now,
    );
  }

  /** The latest attempt; undefined before the start. */
  current(): AttemptRecord | undefined {
    const [row] = this.#sql
      .exec<AttemptRow>("SELECT * FROM attempts ORDER BY round DESC, attempt DESC LIMIT 1")
      .toArray();
    return row && attemptOf(row);
  }

  all(): AttemptRecord[] {
    return this.#sql
      .exec<AttemptRow>("SELECT * FROM attempts ORDER BY round, attempt")
      .toArray()
      .map(attemptOf);
  }

  update(
    { round, attempt }: AttemptId,
    changes: Partial<Pick<AttemptRecord, keyof typeof CHANGEABLE>>,
  ): void {
    for (const [field, column] of Object.entries(CHANGEABLE)) {
      const value = changes[field as keyof typeof CHANGEABLE];
      if (value === undefined) continue;
      this.#sql.exec(
        `UPDATE attempts SET ${column} = ? WHERE round = ? AND attempt = ?`,
        typeof value === "object" && value !== null ? JSON.stringify(value) : value,
        round,
        attempt,
      );
    }
  }

  addUploadedBytes({ round, attempt }: AttemptId, bytes: number): void {
    this.#sql.exec(
      "UPDATE attempts SET uploaded_bytes = uploaded_bytes + ? WHERE round = ? AND attempt = ?",
      bytes,
      round,
      attempt,
    );
  }

  /** What the participant was assigned in this attempt, if anything. */
  lease({ round, attempt }: AttemptId, participant: string): LeaseRecord | undefined {
    const [row] = this.#sql
      .exec<{ localSteps: number | null }>(
        `SELECT local_steps AS localSteps FROM leases
         WHERE round = ? AND attempt = ? AND participant = ?`,
        round,
        attempt,
        participant,
      )
      .toArray();
    return row;
  }

  addLease(
    { round, attempt }: AttemptId,
    participant: string,
    localSteps: number,
    now: number,
  ): void {
    this.#sql.exec(
      `INSERT INTO leases (round, attempt, participant, assigned_at, local_steps)
       VALUES (?, ?, ?, ?, ?)`,
      round,
      attempt,
      participant,
      now,
      localSteps,
    );
  }

  leaseCount({ round, attempt }: AttemptId): number {
    return this.#sql
      .exec<{ n: number }>(
        "SELECT count(*) AS n FROM leases WHERE round = ? AND attempt = ?",
        round,
        attempt,
      )
      .one().n;
  }

  holders({ round, attempt }: AttemptId): HolderRecord[] {
    return this.#sql
      .exec<Record<keyof HolderRecord, SqlStorageValue>>(
        `SELECT leases.participant, invite, assigned_at AS assignedAt, last_seen_at AS lastSeenAt,
           CASE WHEN accepted IS NULL THEN NULL WHEN accepted = 0 THEN 'rejected'
             WHEN scores IS NULL THEN 'accepted' ELSE 'scored' END AS verdict
         FROM leases JOIN participants ON participants.id = leases.participant
         LEFT JOIN commits USING (round, attempt, participant)
         WHERE leases.round = ? AND leases.attempt = ?`,
        round,
        attempt,
      )
      .toArray() as unknown as HolderRecord[];
  }

  /** Scores of committed rounds, from `first` to `last`, ascending. */
  committedScores(
    first: number,
    last: number,
  ): { readonly round: number; readonly scores: ScoreSummary | null }[] {
    return this.#sql
      .exec<{ round: number; scores: string | null }>(
        `SELECT round, scores FROM attempts
         WHERE state = 'committed' AND round BETWEEN ? AND ? ORDER BY round`,
        first,
        last,
      )
      .toArray()
      .map(({ round, scores }) => ({
        round,
        scores: scores === null ? null : (JSON.parse(scores) as ScoreSummary),
      }));
  }

  /** That a participant cannot work with the attempt's student; the first word stands. */
  addRefusal(
    { round, attempt }: AttemptId,
    participant: string,
    found: FoundBroken,
    now: number,
  ): void {
    this.#sql.exec(
      "INSERT OR IGNORE INTO refusals VALUES (?, ?, ?, ?, ?)",
      round,
      attempt,
      participant,
      found,
      now,
    );
  }

  /** In canonical order. */
  refusals({ round, attempt }: AttemptId): RefusalReport[] {
    return this.#sql
      .exec<{ participant: string; found: FoundBroken }>(
        `SELECT participant, found FROM refusals
         WHERE round = ? AND attempt = ? ORDER BY participant`,
        round,
        attempt,
      )
      .toArray();
  }

  /**
   * Places whose holders refuse the attempt's student: of an invite at most its own, less those that
   * its updates take.
   */
  placesRefused({ round, attempt }: AttemptId): number {
    return this.#sql
      .exec<{ n: number }>(
        `WITH answers AS (
           SELECT invite, max(refuses) AS refuses, max(updates) AS updates FROM
             (SELECT participant, 1 AS refuses, 0 AS updates FROM refusals
              WHERE round = ?1 AND attempt = ?2
              UNION ALL
              SELECT participant, 0, 1 FROM commits
              WHERE round = ?1 AND attempt = ?2 AND accepted = 1)
           JOIN participants ON participants.id = participant GROUP BY participant)
         SELECT coalesce(sum(max(0, min(refusing, places - updating))), 0) AS n FROM
           (SELECT invite, sum(refuses * (1 - updates)) AS refusing, sum(updates) AS updating
            FROM answers GROUP BY invite)
         JOIN invites ON invites.id = invite`,
        round,
        attempt,
      )
      .one().n;
  }

  /** Takes back a participant's part in an attempt: its lease, its slices, its commit or refusal. */
  drop({ round, attempt }: AttemptId, participant: string): void {
    for (const table of ["leases", "uploads", "commits", "refusals"]) {
      this.#sql.exec(
        `DELETE FROM ${table} WHERE round = ? AND attempt = ? AND participant = ?`,
        round,
        attempt,
        participant,
      );
    }
  }
}
