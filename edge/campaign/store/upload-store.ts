import type { UploadStatus } from "../../../protocol/round/assignment.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";

/** What is known of one slice of one participant's update. */
interface UploadRecord {
  readonly tries: number;
  /** null until a frame is stored. */
  readonly digest: string | null;
  /** Frames that were stored before and gave way to another. */
  readonly replaced: readonly string[];
}

interface UploadRow extends Record<string, SqlStorageValue> {
  tries: number;
  digest: string | null;
  replaced: string | null;
}

/** No attempt comes after it. */
const AFTER_ALL: AttemptId = { round: Number.MAX_SAFE_INTEGER, attempt: 0 };

/** Reads and writes which slices are stored, and what combining made of them. */
export class UploadStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  find({ round, attempt }: AttemptId, participant: string, slice: number): UploadRecord {
    const [row] = this.#sql
      .exec<UploadRow>(
        `SELECT tries, digest, replaced FROM uploads
         WHERE round = ? AND attempt = ? AND participant = ? AND slice = ?`,
        round,
        attempt,
        participant,
        slice,
      )
      .toArray();
    if (row === undefined) return { tries: 0, digest: null, replaced: [] };
    const replaced = row.replaced === null ? [] : (JSON.parse(row.replaced) as string[]);
    return { ...row, replaced };
  }

  save(
    { round, attempt }: AttemptId,
    participant: string,
    slice: number,
    { tries, digest, replaced }: UploadRecord,
  ): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO uploads
         (round, attempt, participant, slice, tries, digest, replaced)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      round,
      attempt,
      participant,
      slice,
      tries,
      digest,
      replaced.length === 0 ? null : JSON.stringify(replaced),
    );
  }

  stored({ round, attempt }: AttemptId, participant: string): UploadStatus["slices"] {
    return this.#sql
      .exec<{ index: number; digest: string }>(
        `SELECT slice AS "index", digest FROM uploads
         WHERE round = ? AND attempt = ? AND participant = ? AND digest IS NOT NULL ORDER BY slice`,
        round,
        attempt,
        participant,
      )
      .toArray();
  }

  /** Whether an upload of an earlier attempt was let in but not recorded: it may be on its way. */
  hasPendingBefore(needed: AttemptId | undefined): boolean {
    const { round, attempt } = needed ?? AFTER_ALL;
    const found = this.#sql.exec(
      "SELECT 1 FROM uploads WHERE digest IS NULL AND (round, attempt) < (?, ?) LIMIT 1",
      round,
      attempt,
    );
    return found.toArray().length > 0;
  }

  /** Forgets uploads and slice results of the attempts before one; without it, of all. */
  forgetBefore(needed: AttemptId | undefined): void {
    const { round, attempt } = needed ?? AFTER_ALL;
    for (const table of ["uploads", "slice_results"]) {
      this.#sql.exec(`DELETE FROM ${table} WHERE (round, attempt) < (?, ?)`, round, attempt);
    }
  }

  sliceResults<T>({ round, attempt }: AttemptId, pass: string): Map<number, T> {
    const rows = this.#sql
      .exec<{ slice: number; result: string }>(
        `SELECT slice, result FROM slice_results
         WHERE round = ? AND attempt = ? AND pass = ? ORDER BY slice`,
        round,
        attempt,
        pass,
      )
      .toArray();
    return new Map(rows.map(({ slice, result }) => [slice, JSON.parse(result) as T]));
  }

  saveSliceResult(
    { round, attempt }: AttemptId,
    pass: string,
    slice: number,
    result: unknown,
  ): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO slice_results VALUES (?, ?, ?, ?, ?)",
      round,
      attempt,
      pass,
      slice,
      JSON.stringify(result),
    );
  }
}
