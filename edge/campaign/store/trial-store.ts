import { utf8ToBytes } from "@noble/hashes/utils.js";
import { sha256 } from "../../../protocol/digest.ts";
import type { VoteRequest } from "../../../protocol/round/trial/examination.ts";
import type { Tally } from "../../../protocol/round/trial/tally.ts";
import type { TrialOutcome } from "../../../protocol/round/trial/trial-outcome.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";

/** One candidate of an attempt. */
export interface TrialRecord extends AttemptId {
  readonly candidate: number;
  /** Whose updates the attempt has, in the order drawn for it (SPEC K2). */
  readonly parties: readonly string[];
  /** Those of them that are not in it. */
  readonly leftOut: readonly string[];
  /** Its slices; null while it is being combined. */
  readonly student: readonly string[] | null;
  /** Whether nobody's word on it is waited for any more. */
  readonly isOver: boolean;
  /** null before that, and where too few voted. */
  readonly tally: Tally | null;
  /** Why it became the student; null of one that did not. */
  readonly chosen: Pick<TrialOutcome, "reason" | "doubts"> | null;
}

interface TrialRow extends Record<string, SqlStorageValue> {
  round: number;
  attempt: number;
  candidate: number;
  parties: string;
  left_out: string;
  student: string | null;
  is_over: number;
  tally: string | null;
  chosen: string | null;
}

/** A vote, and by whose key it was signed (SPEC K3.4). */
export interface VoteRecord {
  readonly participant: string;
  readonly request: VoteRequest;
  readonly signed:
    | { readonly vote: string; readonly key: string; readonly signature: string }
    | undefined;
}

/** Reads and writes candidates and what participants say of them. */
export class TrialStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** A candidate that is to be combined. */
  add(
    { round, attempt }: AttemptId,
    { candidate, leftOut, parties }: Pick<TrialRecord, "candidate" | "leftOut" | "parties">,
  ): void {
    this.#sql.exec(
      "INSERT INTO trials (round, attempt, candidate, parties, left_out) VALUES (?, ?, ?, ?, ?)",
      round,
      attempt,
      candidate,
      JSON.stringify(parties),
      JSON.stringify(leftOut),
    );
  }

  /** It was combined, and is to be tried. */
  combined(
    { round, attempt }: AttemptId,
    candidate: number,
    student: TrialRecord["student"] & object,
  ): void {
    this.#sql.exec(
      "UPDATE trials SET student = ? WHERE round = ? AND attempt = ? AND candidate = ?",
      JSON.stringify(student),
      round,
      attempt,
      candidate,
    );
  }

  /** @param tally null where too few voted */
  conclude({ round, attempt }: AttemptId, candidate: number, tally: Tally | null): void {
    this.#sql.exec(
      `UPDATE trials SET is_over = 1, tally = ?
       WHERE round = ? AND attempt = ? AND candidate = ?`,
      tally && JSON.stringify(tally),
      round,
      attempt,
      candidate,
    );
  }

  choose(
    { round, attempt }: AttemptId,
    candidate: number,
    chosen: TrialRecord["chosen"] & object,
  ): void {
    this.#sql.exec(
      "UPDATE trials SET chosen = ? WHERE round = ? AND attempt = ? AND candidate = ?",
      JSON.stringify(chosen),
      round,
      attempt,
      candidate,
    );
  }

  /** Of all attempts, oldest first. */
  all(): TrialRecord[] {
    return this.#sql
      .exec<TrialRow>("SELECT * FROM trials ORDER BY round, attempt, candidate")
      .toArray()
      .map(trialOf);
  }

  /** An attempt's candidates, in the order in which they were tried. */
  of({ round, attempt }: AttemptId): TrialRecord[] {
    return this.#sql
      .exec<TrialRow>(
        "SELECT * FROM trials WHERE round = ? AND attempt = ? ORDER BY candidate",
        round,
        attempt,
      )
      .toArray()
      .map(trialOf);
  }

  /** Canonical text of what a participant said of a candidate, if it has. */
  voteOf(
    { round, attempt }: AttemptId,
    candidate: number,
    participant: string,
  ): string | undefined {
    const [row] = this.#sql
      .exec<{ request: string }>(
        `SELECT request FROM votes
         WHERE round = ? AND attempt = ? AND candidate = ? AND participant = ?`,
        round,
        attempt,
        candidate,
        participant,
      )
      .toArray();
    return row?.request;
  }

  /** @param request as canonical text */
  addVote(
    { round, attempt }: AttemptId,
    candidate: number,
    participant: string,
    request: string,
    signature: string | null,
  ): void {
    this.#sql.exec(
      "INSERT INTO votes VALUES (?, ?, ?, ?, ?, ?)",
      round,
      attempt,
      candidate,
      participant,
      request,
      signature,
    );
  }

  /** In canonical order. */
  votes({ round, attempt }: AttemptId, candidate: number): VoteRecord[] {
    return this.#sql
      .exec<{
        participant: string;
        request: string;
        signature: string | null;
        key: string | null;
      }>(
        `SELECT participant, request, signature, public_key AS key
         FROM votes JOIN participants ON participants.id = participant
         WHERE round = ? AND attempt = ? AND candidate = ? ORDER BY participant`,
        round,
        attempt,
        candidate,
      )
      .toArray()
      .map(({ key, participant, request, signature }) => ({
        participant,
        request: JSON.parse(request) as VoteRequest,
        signed:
          key === null || signature === null
            ? undefined
            : { vote: sha256(utf8ToBytes(request)), key, signature },
      }));
  }
}

function trialOf(row: TrialRow): TrialRecord {
  return {
    round: row.round,
    attempt: row.attempt,
    candidate: row.candidate,
    parties: JSON.parse(row.parties) as string[],
    leftOut: JSON.parse(row.left_out) as string[],
    student: row.student === null ? null : (JSON.parse(row.student) as string[]),
    isOver: row.is_over === 1,
    tally: row.tally === null ? null : (JSON.parse(row.tally) as Tally),
    chosen: row.chosen === null ? null : (JSON.parse(row.chosen) as TrialRecord["chosen"]),
  };
}
