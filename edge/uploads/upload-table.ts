import { partCount } from "../../protocol/round/upload.ts";
import type { RecordedPart, UploadRecord } from "./upload-record.ts";

/** After so long without a new part an upload counts as abandoned, ms (SPEC P10.4). */
const ABANDONED_MS = 86_400_000;

interface UploadRow extends Record<string, SqlStorageValue> {
  readonly digest: string;
  readonly bytes: number;
  readonly part_bytes: number;
}

/** The uploads that are under way, in an object's SQLite. */
export class UploadTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`
      CREATE TABLE IF NOT EXISTS uploads (
        digest TEXT PRIMARY KEY, bytes INTEGER NOT NULL, part_bytes INTEGER NOT NULL,
        touched_at INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS upload_parts (
        upload TEXT NOT NULL, part INTEGER NOT NULL, digest TEXT NOT NULL,
        PRIMARY KEY (upload, part)) STRICT`);
  }

  /** Begins an upload, or goes on with one: its parts stay as long as they were. */
  begin(digest: string, bytes: number, partBytes: number, now: number): UploadRecord {
    this.#sql.exec(
      "INSERT INTO uploads VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING",
      digest,
      bytes,
      partBytes,
      now,
    );
    return this.find(digest)!;
  }

  find(digest: string): UploadRecord | undefined {
    const [row] = this.#sql
      .exec<UploadRow>("SELECT digest, bytes, part_bytes FROM uploads WHERE digest = ?", digest)
      .toArray();
    if (row === undefined) return undefined;
    const record = { digest, bytes: row.bytes, partBytes: row.part_bytes };
    const parts = Array.from({ length: partCount(record) }, (): string | null => null);
    const stored = this.#sql.exec<{ part: number; digest: string }>(
      "SELECT part, digest FROM upload_parts WHERE upload = ?",
      digest,
    );
    for (const { part, digest: ofPart } of stored) parts[part] = ofPart;
    return { ...record, parts };
  }

  /** Notes that a part is stored. @returns undefined where the upload is no longer under way. */
  record(digest: string, part: number, ofPart: string, now: number): RecordedPart | undefined {
    if (!this.touch(digest, now)) return undefined;
    const [before] = this.#sql
      .exec<{ digest: string }>(
        "SELECT digest FROM upload_parts WHERE upload = ? AND part = ?",
        digest,
        part,
      )
      .toArray();
    this.#sql.exec("INSERT OR REPLACE INTO upload_parts VALUES (?, ?, ?)", digest, part, ofPart);
    return { replaced: before === undefined || before.digest === ofPart ? null : before.digest };
  }

  /** Notes that it came on. @returns false where the upload is no longer under way. */
  touch(digest: string, now: number): boolean {
    return (
      this.#sql.exec("UPDATE uploads SET touched_at = ? WHERE digest = ?", now, digest)
        .rowsWritten > 0
    );
  }

  forget(digest: string): void {
    this.#sql.exec("DELETE FROM upload_parts WHERE upload = ?", digest);
    this.#sql.exec("DELETE FROM uploads WHERE digest = ?", digest);
  }

  /**
   * Digests of those that are abandoned by now. Their parts are forgotten at once, so that none is
   * completed while it is being swept; they themselves are kept until that is done.
   */
  abandon(now: number): string[] {
    const abandoned = this.#sql
      .exec<{ digest: string }>(
        "SELECT digest FROM uploads WHERE touched_at <= ?",
        now - ABANDONED_MS,
      )
      .toArray()
      .map(({ digest }) => digest);
    for (const digest of abandoned) {
      this.#sql.exec("DELETE FROM upload_parts WHERE upload = ?", digest);
    }
    return abandoned;
  }

  /** When the next one may count as abandoned; undefined where none is under way. */
  nextLook(): number | undefined {
    const { oldest } = this.#sql
      .exec<{ oldest: number | null }>("SELECT MIN(touched_at) AS oldest FROM uploads")
      .one();
    return oldest === null ? undefined : oldest + ABANDONED_MS;
  }
}
