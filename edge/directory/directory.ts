import { DurableObject } from "cloudflare:workers";

/** The list of all campaigns; what each is about, it says itself. */
export class Directory extends DurableObject<object> {
  constructor(context: DurableObjectState, environment: object) {
    super(context, environment);
    context.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS campaigns (id TEXT PRIMARY KEY, created_at INTEGER NOT NULL) STRICT",
    );
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
}
