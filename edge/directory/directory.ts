import { DurableObject } from "cloudflare:workers";
import type { Environment } from "../environment.ts";
import { UploadNotes } from "./upload-notes.ts";

/** The list of all campaigns, which say themselves what they are about, and of uploads under way. */
export class Directory extends DurableObject<Environment> {
  readonly #uploads: UploadNotes;

  constructor(context: DurableObjectState, environment: Environment) {
    super(context, environment);
    context.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS campaigns (id TEXT PRIMARY KEY, created_at INTEGER NOT NULL) STRICT",
    );
    this.#uploads = new UploadNotes(context.storage.sql);
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

  /** Notes that an upload in parts goes on. */
  async noteUpload(key: string, id: string, now: number): Promise<void> {
    this.#uploads.note({ key, id }, now);
    await this.#setAlarm();
  }

  /** An upload is complete, or was aborted. */
  forgetUpload(id: string): void {
    this.#uploads.forget(id);
  }

  /** Aborts uploads that a crash has left behind. */
  override async alarm(): Promise<void> {
    for (const { key, id } of this.#uploads.abandoned(Date.now())) {
      await this.env.BLOBS.resumeMultipartUpload(key, id)
        .abort()
        .catch((error: unknown) => {
          // Aborted already: a crash came before it was forgotten here. All else is tried again.
          if (!isUnknownUpload(error)) throw error;
        });
      this.#uploads.forget(id);
    }
    await this.#setAlarm();
  }

  async #setAlarm(): Promise<void> {
    const next = this.#uploads.nextEnd();
    if (next !== undefined && (await this.ctx.storage.getAlarm()) === null) {
      await this.ctx.storage.setAlarm(next);
    }
  }
}

/** R2 names this only in the error's text (code 10024). */
function isUnknownUpload(error: unknown): boolean {
  return error instanceof Error && /\(10024\)|does not exist/i.test(error.message);
}
