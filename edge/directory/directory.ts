import { DurableObject } from "cloudflare:workers";
import type { Administrator, AuditEntry } from "../../protocol/round/administration.ts";
import { Administrators } from "./administrators.ts";
import { AuditLog } from "./audit-log.ts";

/**
 * What is not one campaign's: the list of all, which say themselves what they are about, who administers
 * them, and what those did.
 */
export class Directory extends DurableObject<object> {
  readonly #administrators: Administrators;
  readonly #audit: AuditLog;

  constructor(context: DurableObjectState, environment: object) {
    super(context, environment);
    const { sql } = context.storage;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS campaigns (id TEXT PRIMARY KEY, created_at INTEGER NOT NULL) STRICT",
    );
    this.#administrators = new Administrators(sql);
    this.#audit = new AuditLog(sql);
  }

  add(id: string, createdAt: number): void {
    this.ctx.storage.sql.exec("INSERT OR IGNORE INTO campaigns VALUES (?, ?)", id, createdAt);
  }

  has(id: string): boolean {
    const found = this.ctx.storage.sql.exec("SELECT 1 FROM campaigns WHERE id = ?", id);
    return found.toArray().length > 0;
  }

  /** Ids, oldest campaign first. */
  list(): string[] {
    return this.ctx.storage.sql
      .exec<{ id: string }>("SELECT id FROM campaigns ORDER BY created_at, id")
      .toArray()
      .map(({ id }) => id);
  }

  addAdministrator(administrator: Administrator, tokenHash: string): void {
    this.#administrators.add(administrator, tokenHash);
  }

  administrators(): Administrator[] {
    return this.#administrators.all();
  }

  administratorByToken(tokenHash: string): Administrator | undefined {
    return this.#administrators.byToken(tokenHash);
  }

  revokeAdministrator(id: string): Administrator | undefined {
    return this.#administrators.revoke(id);
  }

  audit(entry: Omit<AuditEntry, "position" | "count">): void {
    this.#audit.append(entry);
  }

  auditRefusals(status: number, count: number, at: number): void {
    this.#audit.refuse(status, count, at);
  }

  auditPage(before: number, limit: number): AuditEntry[] {
    return this.#audit.page(before, limit);
  }
}
