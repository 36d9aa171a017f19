import type { AuditEntry } from "../../protocol/round/administration.ts";

/** How long an entry is kept, and how many at most: the oldest go first (SPEC A11). */
const KEPT_MS = 400 * 86_400_000;
const MOST_ENTRIES = 100_000;

const HOUR_MS = 3_600_000;

/** Status of what a role does not permit. */
const NOT_PERMITTED = 403;

/** What refused tokens stand under. */
const REFUSED = "refused";

interface Row extends Record<string, SqlStorageValue> {
  position: number;
  at: number;
  who: string | null;
  name: string | null;
  what: string;
  status: number;
  count: number;
}

/** What administrators did, and how often somebody was refused (SPEC A11). Nothing in it is changed but counts. */
export class AuditLog {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS audit (
         position INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, who TEXT, name TEXT,
         what TEXT NOT NULL, status INTEGER NOT NULL, count INTEGER NOT NULL DEFAULT 1
       ) STRICT`,
    );
  }

  append({ at, status, what, who }: Omit<AuditEntry, "position" | "count">): void {
    // Who is refused what its role does not permit must not push others' entries out.
    if (status === NOT_PERMITTED && this.#counted(who?.id ?? null, status, 1, at)) return;
    this.#sql.exec(
      "INSERT INTO audit (at, who, name, what, status) VALUES (?, ?, ?, ?, ?)",
      at,
      who?.id ?? null,
      who?.name ?? null,
      what,
      status,
    );
    this.#sql.exec("DELETE FROM audit WHERE at < ?", at - KEPT_MS);
    this.#sql.exec(
      "DELETE FROM audit WHERE position <= (SELECT max(position) FROM audit) - ?",
      MOST_ENTRIES,
    );
  }

  /** Counts refused tokens by the hour: strangers must not fill the log. */
  refuse(status: number, count: number, at: number): void {
    if (this.#counted(null, status, count, at)) return;
    this.append({ at, who: null, what: REFUSED, status });
    if (count > 1) this.refuse(status, count - 1, at);
  }

  /** Adds to what one was refused within the hour; false where it is the first time. */
  #counted(who: string | null, status: number, count: number, at: number): boolean {
    const found = this.#sql
      .exec(
        `UPDATE audit SET count = count + ? WHERE position = (
           SELECT max(position) FROM audit WHERE who IS ? AND status = ? AND at >= ?
         ) RETURNING position`,
        count,
        who,
        status,
        at - (at % HOUR_MS),
      )
      .toArray();
    return found.length > 0;
  }

  /** Entries below a position, the latest first. */
  page(before: number, limit: number): AuditEntry[] {
    return this.#sql
      .exec<Row>(
        `SELECT position, at, who, name, what, status, count FROM audit
         WHERE position < ? ORDER BY position DESC LIMIT ?`,
        before,
        limit,
      )
      .toArray()
      .map(({ at, count, name, position, status, what, who }) => ({
        position,
        at,
        who: who === null ? null : { id: who, name: name ?? who },
        what,
        status,
        count,
      }));
  }
}
