import type { Administrator } from "../../protocol/round/administration.ts";

interface Row extends Record<string, SqlStorageValue> {
  id: string;
  name: string;
  role: Administrator["role"];
  createdAt: number;
  expiresAt: number;
  revoked: number;
}

const SELECT = `SELECT id, name, role, created_at AS createdAt, expires_at AS expiresAt, revoked
  FROM administrators`;

function administratorOf(row: Row): Administrator {
  return { ...row, revoked: row.revoked === 1 };
}

/** Administrators beside the owner of the coordinator's own token (SPEC A10). */
export class Administrators {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS administrators (
         id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, created_at INTEGER NOT NULL,
         expires_at INTEGER NOT NULL, revoked INTEGER NOT NULL DEFAULT 0, token TEXT NOT NULL UNIQUE
       ) STRICT`,
    );
  }

  /** @param token SHA-256 of the token, hexadecimal: the token itself is nowhere. */
  add({ id, name, role, createdAt, expiresAt }: Administrator, token: string): void {
    this.#sql.exec(
      `INSERT INTO administrators (id, name, role, created_at, expires_at, token)
       VALUES (?, ?, ?, ?, ?, ?)`,
      id,
      name,
      role,
      createdAt,
      expiresAt,
      token,
    );
  }

  /** Oldest first. */
  all(): Administrator[] {
    return this.#sql.exec<Row>(`${SELECT} ORDER BY created_at, id`).toArray().map(administratorOf);
  }

  /** @param token as `add` takes it */
  byToken(token: string): Administrator | undefined {
    const [row] = this.#sql.exec<Row>(`${SELECT} WHERE token = ?`, token).toArray();
    return row && administratorOf(row);
  }

  /** @returns undefined where there is none of this id. */
  revoke(id: string): Administrator | undefined {
    this.#sql.exec("UPDATE administrators SET revoked = 1 WHERE id = ?", id);
    const [row] = this.#sql.exec<Row>(`${SELECT} WHERE id = ?`, id).toArray();
    return row && administratorOf(row);
  }
}
