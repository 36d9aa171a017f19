import { DurableObject } from "cloudflare:workers";
import type { Administrator, AuditEntry } from "../../protocol/round/administration.ts";
import type { BlobBindings } from "../blobs/blob-store.ts";
import { sweepParts } from "../uploads/upload-objects.ts";
import type { RecordedPart, UploadRecord } from "../uploads/upload-record.ts";
import { UploadTable } from "../uploads/upload-table.ts";
import { Administrators } from "./administrators.ts";
import { AuditLog } from "./audit-log.ts";

/**
 * What is not one campaign's: the list of all, which say themselves what they are about, who administers
 * them, what those did, and the uploads that are under way.
 */
export class Directory extends DurableObject<BlobBindings> {
  readonly #administrators: Administrators;
  readonly #audit: AuditLog;
  readonly #uploads: UploadTable;

  constructor(context: DurableObjectState, environment: BlobBindings) {
    super(context, environment);
    const { sql } = context.storage;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS campaigns (id TEXT PRIMARY KEY, created_at INTEGER NOT NULL) STRICT",
    );
    this.#administrators = new Administrators(sql);
    this.#audit = new AuditLog(sql);
    this.#uploads = new UploadTable(sql);
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

  /** Begins an upload, or goes on with one. */
  async beginUpload(digest: string, bytes: number, partBytes: number): Promise<UploadRecord> {
    const upload = this.#uploads.begin(digest, bytes, partBytes, Date.now());
    await this.#lookAgain();
    return upload;
  }

  upload(digest: string): UploadRecord | undefined {
    return this.#uploads.find(digest);
  }

  /** Notes that a part is stored. @returns undefined where the upload is no longer under way. */
  recordPart(digest: string, index: number, ofPart: string): RecordedPart | undefined {
    return this.#uploads.record(digest, index, ofPart, Date.now());
  }

  /**
   * Keeps an upload of which all parts are there from being swept while it is completed (SPEC P10.4).
   *
   * @returns it, where it is still under way.
   */
  holdUpload(digest: string): UploadRecord | undefined {
    const upload = this.#uploads.find(digest);
    if (upload?.parts.includes(null) === false) this.#uploads.touch(digest, Date.now());
    return upload;
  }

  forgetUpload(digest: string): void {
    this.#uploads.forget(digest);
  }

  /** Sweeps uploads that were abandoned (SPEC P10.4). */
  override async alarm(): Promise<void> {
    for (const digest of this.#uploads.abandon(Date.now())) {
      // Killed in between it is swept again; who goes on meanwhile is told that parts are missing.
      await sweepParts(this.env.BLOBS, digest);
      this.#uploads.forget(digest);
    }
    await this.#lookAgain();
  }

  async #lookAgain(): Promise<void> {
    const at = this.#uploads.nextLook();
    if (at !== undefined) await this.ctx.storage.setAlarm(at);
  }
}
