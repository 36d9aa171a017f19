import { utf8ToBytes } from "@noble/hashes/utils.js";
import { sha256 } from "../../../protocol/digest.ts";
import type { Scores } from "../../../protocol/round/judging.ts";
import type { FoundBroken, RefusalReport } from "../../../protocol/round/refusal.ts";
import type { ScoredCommit, ScoreSummary } from "../../../protocol/round/score-summary.ts";
import type { UpdateSize } from "../../../protocol/round/update-sizes.ts";
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

/** One commit as its row has it. */
export interface OwnCommit extends AttemptId {
  readonly request: string;
  readonly reply: string;
  readonly accepted: 0 | 1;
  readonly weight: number;
  /** Digests as JSON. */
  readonly slices: string;
  readonly signature: string | null;
  readonly committedAt: number;
  /** Whether its attempt was committed. */
  readonly stands: 0 | 1;
}

interface LeaseRecord {
  /** null in one that an earlier version made: the campaign's own number. */
  readonly localSteps: number | null;
}

/** An accepted update, as combining needs it. */
export interface AcceptedUpdate extends ScoredCommit {
  readonly participant: string;
  readonly slices: readonly string[];
  /** null until it was measured. */
  readonly size: UpdateSize | null;
  /** By its participant's key (SPEC A7); undefined of one who has none. */
  readonly signed:
    | { readonly commit: string; readonly key: string; readonly signature: string }
    | undefined;
}

interface UpdateTotals {
  readonly accepted: number;
  readonly rejected: number;
  /** Of those accepted, how many hold scores. */
  readonly scored: number;
  readonly examples: number;
  /** Means over accepted updates, weighted by examples; null while there are none. */
  readonly loss: number | null;
  readonly agreement: number | null;
}

interface CommitRecord {
  readonly participant: string;
  /** The request as canonical JSON: the same commit again gets the same answer. */
  readonly request: string;
  readonly reply: string;
  readonly accepted: boolean;
  readonly slices: readonly string[];
  readonly examples: number;
  readonly weight: number;
  readonly loss: number;
  readonly agreement: number;
  readonly scores: Scores | null;
  /** Its participant's signature (SPEC A7), hexadecimal; null of one without a key. */
  readonly signature: string | null;
  readonly committedAt: number;
}

const TOTALS = `
  coalesce(sum(accepted), 0) AS accepted,
  coalesce(sum(1 - accepted), 0) AS rejected,
  coalesce(sum(accepted * (scores IS NOT NULL)), 0) AS scored,
  coalesce(sum(accepted * examples), 0) AS examples,
  sum(accepted * examples * loss) / sum(accepted * examples) AS loss,
  sum(accepted * examples * agreement) / sum(accepted * examples) AS agreement`;

/** Reads and writes attempts, leases and commits. */
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

  /** Accepted updates of one invite's enrolments. */
  acceptedOf({ round, attempt }: AttemptId, invite: string): number {
    return this.#sql
      .exec<{ n: number }>(
        `SELECT count(*) AS n FROM commits JOIN participants ON participants.id = participant
         WHERE round = ? AND attempt = ? AND accepted = 1 AND invite = ?`,
        round,
        attempt,
        invite,
      )
      .one().n;
  }

  /** Places from which an answer came, of an invite at most its own. */
  placesAnswered({ round, attempt }: AttemptId): number {
    return this.#sql
      .exec<{ n: number }>(
        `SELECT coalesce(sum(min(places, n)), 0) AS n FROM
           (SELECT invite, count(*) AS n FROM commits
            JOIN participants ON participants.id = participant
            WHERE round = ? AND attempt = ? GROUP BY invite)
         JOIN invites ON invites.id = invite`,
        round,
        attempt,
      )
      .one().n;
  }

  /** What the participant committed in this attempt, and the answer it got. */
  commit(
    { round, attempt }: AttemptId,
    participant: string,
  ): Pick<CommitRecord, "request" | "reply"> | undefined {
    const [row] = this.#sql
      .exec<{ request: string; reply: string }>(
        `SELECT request, reply FROM commits
         WHERE round = ? AND attempt = ? AND participant = ?`,
        round,
        attempt,
        participant,
      )
      .toArray();
    return row;
  }

  addCommit({ round, attempt }: AttemptId, commit: CommitRecord): void {
    this.#sql.exec(
      `INSERT INTO commits
         (round, attempt, participant, request, reply, accepted, slices, examples, weight, loss,
          agreement, committed_at, scores, signature)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      round,
      attempt,
      commit.participant,
      commit.request,
      commit.reply,
      commit.accepted ? 1 : 0,
      JSON.stringify(commit.slices),
      commit.examples,
      commit.weight,
      commit.loss,
      commit.agreement,
      commit.committedAt,
      commit.scores && JSON.stringify(commit.scores),
      commit.signature,
    );
  }

  /** Accepted updates in canonical order: ascending by participant id (SPEC R8). */
  acceptedUpdates({ round, attempt }: AttemptId): AcceptedUpdate[] {
    return this.#sql
      .exec<{
        participant: string;
        weight: number;
        loss: number;
        slices: string;
        scores: string | null;
        size: string | null;
        request: string;
        key: string | null;
        signature: string | null;
      }>(
        `SELECT participant, weight, loss, slices, scores, size, request, signature,
           public_key AS key
         FROM commits JOIN participants ON participants.id = participant
         WHERE round = ? AND attempt = ? AND accepted = 1 ORDER BY participant`,
        round,
        attempt,
      )
      .toArray()
      .map(({ participant, weight, loss, slices, scores, size, request, key, signature }) => ({
        participant,
        weight,
        loss,
        slices: JSON.parse(slices) as string[],
        scores: scores === null ? null : (JSON.parse(scores) as Scores),
        size: size === null ? null : (JSON.parse(size) as UpdateSize),
        signed:
          key === null || signature === null
            ? undefined
            : { commit: sha256(utf8ToBytes(request)), key, signature },
      }));
  }

  /** Keeps how large an update is, and what was taken of it. */
  measured({ round, attempt }: AttemptId, participant: string, size: UpdateSize): void {
    this.#sql.exec(
      "UPDATE commits SET size = ? WHERE round = ? AND attempt = ? AND participant = ?",
      JSON.stringify(size),
      round,
      attempt,
      participant,
    );
  }

  /** All that a participant committed, oldest round first. */
  commitsOf(participant: string): OwnCommit[] {
    return this.#sql
      .exec<Record<keyof OwnCommit, SqlStorageValue>>(
        `SELECT round, attempt, request, reply, accepted, weight, slices, signature,
           committed_at AS committedAt, state = 'committed' AS stands
         FROM commits JOIN attempts USING (round, attempt)
         WHERE participant = ? ORDER BY round, attempt`,
        participant,
      )
      .toArray() as unknown as OwnCommit[];
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

  /** Totals of one attempt, or of the whole campaign. */
  totals(id?: AttemptId): UpdateTotals {
    const where = id === undefined ? "" : "WHERE round = ? AND attempt = ?";
    const values = id === undefined ? [] : [id.round, id.attempt];
    return this.#sql
      .exec<Record<keyof UpdateTotals, number>>(`SELECT ${TOTALS} FROM commits ${where}`, ...values)
      .one();
  }

  totalsOf(participant: string): UpdateTotals {
    return this.#sql
      .exec<Record<keyof UpdateTotals, number>>(
        `SELECT ${TOTALS} FROM commits WHERE participant = ?`,
        participant,
      )
      .one();
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
