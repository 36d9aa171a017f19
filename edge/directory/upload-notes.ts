/** An upload of which nothing was heard for so long is abandoned, ms. */
export const ABANDONED_AFTER_MS = 86_400_000;

/** An upload in parts that is under way. */
export interface UploadNote {
  readonly key: string;
  readonly id: string;
}

/**
 * Notes of uploads under way, so that what a crash leaves half stored can be found: storage itself
 * does not list it.
 */
export class UploadNotes {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS uploads (id TEXT PRIMARY KEY, key TEXT NOT NULL, heard_at INTEGER NOT NULL) STRICT",
    );
  }

  /** @param now ms since the epoch */
  note({ key, id }: UploadNote, now: number): void {
    this.#sql.exec(
      "INSERT INTO uploads VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET heard_at = excluded.heard_at",
      id,
      key,
      now,
    );
  }

  forget(id: string): void {
    this.#sql.exec("DELETE FROM uploads WHERE id = ?", id);
  }

  abandoned(now: number): UploadNote[] {
    return this.#sql
      .exec<{ key: string; id: string }>(
        "SELECT key, id FROM uploads WHERE heard_at <= ?",
        now - ABANDONED_AFTER_MS,
      )
      .toArray();
  }

  /** When the next of them is abandoned, ms since the epoch; undefined without any. */
  nextEnd(): number | undefined {
    const { heardAt } = this.#sql
      .exec<{ heardAt: number | null }>("SELECT min(heard_at) AS heardAt FROM uploads")
      .one();
    return heardAt === null ? undefined : heardAt + ABANDONED_AFTER_MS;
  }
}
