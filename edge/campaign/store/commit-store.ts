import { utf8ToBytes } from "@noble/hashes/utils.js";
import { sha256 } from "../../../protocol/digest.ts";
import type { HiddenUpdate } from "../../../protocol/privacy/two-operators/sealed-seed-schema.ts";
import type { Scores } from "../../../protocol/round/judging.ts";
import type { ScoredCommit } from "../../../protocol/round/score-summary.ts";
import type { UpdateSize } from "../../../protocol/round/update-sizes.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";

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

/** Reads and writes what participants committed, and the answers they got. */
export class CommitStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
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
  find(
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

  add({ round, attempt }: AttemptId, commit: CommitRecord): void {
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
  accepted({ round, attempt }: AttemptId): AcceptedUpdate[] {
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

  /** What goes with accepted masked updates, in canonical order. */
  hidden({ round, attempt }: AttemptId): HiddenUpdate[] {
    return this.#sql
      .exec<{ hidden: string }>(
        `SELECT json_extract(request, '$.hidden') AS hidden FROM commits
         WHERE round = ? AND attempt = ? AND accepted = 1
           AND json_extract(request, '$.hidden') IS NOT NULL ORDER BY participant`,
        round,
        attempt,
      )
      .toArray()
      .map(({ hidden }) => JSON.parse(hidden) as HiddenUpdate);
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
  of(participant: string): OwnCommit[] {
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
}
