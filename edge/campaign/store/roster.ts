import { ProtocolError } from "../../../protocol/errors.ts";
import type { EnrolRequest } from "../../../protocol/round/access.ts";
import type { CheckInRequest } from "../../../protocol/round/assignment.ts";
import type { Fit, WeightedFit } from "../../../protocol/round/fit.ts";

export interface InviteRecord {
  readonly id: string;
  readonly uses: number;
  /** Assignments of an attempt that all its enrolments together may hold (SPEC R2). */
  readonly places: number;
  readonly used: number;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly revoked: boolean;
  readonly organisation: string | null;
}

export type NewInvite = Omit<InviteRecord, "used" | "revoked">;

export interface ParticipantRecord {
  readonly id: string;
  readonly invite: string;
  /** Ed25519, hexadecimal; null of one whom an earlier version enrolled. */
  readonly publicKey: string | null;
  readonly label: string | null;
  readonly organisation: string | null;
  readonly backend: string | null;
  readonly imagesPerSecond: number | null;
  /** What the teacher makes of its images, as it told last (SPEC F1). */
  readonly fit: Fit | null;
  readonly revoked: boolean;
  readonly enrolledAt: number;
  readonly lastSeenAt: number;
  readonly uploadedBytes: number;
}

interface InviteRow extends Record<string, SqlStorageValue> {
  id: string;
  uses: number;
  places: number;
  used: number;
  createdAt: number;
  expiresAt: number;
  revoked: number;
  organisation: string | null;
}

interface ParticipantRow extends Record<string, SqlStorageValue> {
  id: string;
  invite: string;
  publicKey: string | null;
  label: string | null;
  organisation: string | null;
  backend: string | null;
  imagesPerSecond: number | null;
  fit: string | null;
  revoked: number;
  enrolledAt: number;
  lastSeenAt: number;
  uploadedBytes: number;
}

const INVITE = `SELECT id, uses, places, used, created_at AS createdAt, expires_at AS expiresAt, revoked,
  organisation FROM invites`;
const PARTICIPANT = `SELECT id, invite, public_key AS publicKey, label, organisation, backend,
  images_per_second AS imagesPerSecond, fit, revoked, enrolled_at AS enrolledAt,
  last_seen_at AS lastSeenAt, uploaded_bytes AS uploadedBytes FROM participants`;

function inviteOf(row: InviteRow): InviteRecord {
  return { ...row, revoked: row.revoked === 1 };
}

function participantOf(row: ParticipantRow): ParticipantRecord {
  const fit = row.fit === null ? null : fitOf(row.fit);
  return { ...row, fit, revoked: row.revoked === 1 };
}

/** Invites and participants of one campaign (SPEC A1–A3). */
export class Roster {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  addInvite(invite: NewInvite): void {
    this.#sql.exec(
      "INSERT INTO invites (id, uses, places, created_at, expires_at, organisation) VALUES (?, ?, ?, ?, ?, ?)",
      invite.id,
      invite.uses,
      invite.places,
      invite.createdAt,
      invite.expiresAt,
      invite.organisation,
    );
  }

  invites(): InviteRecord[] {
    const rows = this.#sql.exec<InviteRow>(`${INVITE} ORDER BY created_at, id`).toArray();
    return rows.map(inviteOf);
  }

  /** @throws ProtocolError `not-found`. */
  invite(id: string): InviteRecord {
    const [row] = this.#sql.exec<InviteRow>(`${INVITE} WHERE id = ?`, id).toArray();
    if (row === undefined) {
      throw new ProtocolError("not-found", `this campaign has no invite ${id}`);
    }
    return inviteOf(row);
  }

  revokeInvite(id: string): void {
    this.#sql.exec("UPDATE invites SET revoked = 1 WHERE id = ?", id);
  }

  /**
   * An invite that still permits an enrolment.
   *
   * @throws ProtocolError `invite-revoked`, `invite-expired` or `invite-exhausted`.
   */
  usableInvite(id: string, now: number): InviteRecord {
    const invite = this.invite(id);
    if (invite.revoked) {
      throw new ProtocolError("invite-revoked", "the invite was revoked: ask for a new one");
    }
    if (now >= invite.expiresAt) {
      throw new ProtocolError("invite-expired", "the invite has expired: ask for a new one");
    }
    if (invite.used >= invite.uses) {
      throw new ProtocolError(
        "invite-exhausted",
        `the invite permitted ${invite.uses} enrolments, all are used: ask for a new one`,
      );
    }
    return invite;
  }

  enrol(id: string, invite: InviteRecord, request: EnrolRequest, now: number): void {
    this.#sql.exec("UPDATE invites SET used = used + 1 WHERE id = ?", invite.id);
    this.#sql.exec(
      `INSERT INTO participants
         (id, invite, enrol_key, public_key, label, organisation, backend, enrolled_at, last_seen_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      invite.id,
      request.key ?? null,
      request.publicKey,
      request.label || null,
      invite.organisation,
      request.backend || null,
      now,
      now,
    );
  }

  /** Who enrolled with this invite and key before: its answer may have been lost. */
  enrolledWith(invite: string, key: string | undefined): ParticipantRecord | undefined {
    if (key === undefined) return undefined;
    const [row] = this.#sql
      .exec<ParticipantRow>(`${PARTICIPANT} WHERE invite = ? AND enrol_key = ?`, invite, key)
      .toArray();
    return row && participantOf(row);
  }

  participants(): ParticipantRecord[] {
    const rows = this.#sql
      .exec<ParticipantRow>(`${PARTICIPANT} ORDER BY enrolled_at, id`)
      .toArray();
    return rows.map(participantOf);
  }

  /** Places that those who were not removed can fill in a round: of an invite at most its own (R2). */
  placesFilled(): number {
    return this.#sql
      .exec<{ n: number }>(
        `SELECT coalesce(sum(min(places, n)), 0) AS n FROM
           (SELECT invite, count(*) AS n FROM participants WHERE revoked = 0 GROUP BY invite)
         JOIN invites ON invites.id = invite`,
      )
      .one().n;
  }

  /** As many with those whom invites that are open may still bring. */
  placesAtMost(now: number): number {
    return this.#sql
      .exec<{ n: number }>(
        `SELECT coalesce(sum(min(places, n + left_over)), 0) AS n FROM
           (SELECT places, iif(revoked = 0 AND expires_at > ?, uses - used, 0) AS left_over,
              (SELECT count(*) FROM participants
               WHERE participants.invite = invites.id AND participants.revoked = 0) AS n
            FROM invites)`,
        now,
      )
      .one().n;
  }

  participant(id: string): ParticipantRecord | undefined {
    const [row] = this.#sql.exec<ParticipantRow>(`${PARTICIPANT} WHERE id = ?`, id).toArray();
    return row && participantOf(row);
  }

  revokeParticipant(id: string): void {
    this.#sql.exec("UPDATE participants SET revoked = 1 WHERE id = ?", id);
  }

  /**
   * Notes for which time a credential was renewed, which must be later than the last (SPEC A6).
   *
   * @returns false when it is not: the request is a repetition
   */
  renew(id: string, time: number): boolean {
    const { rowsWritten } = this.#sql.exec(
      "UPDATE participants SET renewed_at = ?2 WHERE id = ?1 AND renewed_at < ?2",
      id,
      time,
    );
    return rowsWritten > 0;
  }

  seen(id: string, now: number): void {
    this.#sql.exec("UPDATE participants SET last_seen_at = ? WHERE id = ?", now, id);
  }

  /** What a participant says of its device; written only when it says something else. */
  report(known: ParticipantRecord, report: CheckInRequest): void {
    const backend = report.backend || known.backend;
    const imagesPerSecond = report.imagesPerSecond ?? known.imagesPerSecond;
    if (backend === known.backend && imagesPerSecond === known.imagesPerSecond) return;
    this.#sql.exec(
      "UPDATE participants SET backend = ?, images_per_second = ? WHERE id = ?",
      backend,
      imagesPerSecond,
      known.id,
    );
  }

  setFit(id: string, fit: Fit): void {
    this.#sql.exec("UPDATE participants SET fit = ? WHERE id = ?", JSON.stringify(fit), id);
  }

  /** What participants who were not removed told of their images; an invite's share its places (R2). */
  fits(): WeightedFit[] {
    return this.#sql
      .exec<{ fit: string; weight: number }>(
        `SELECT fit, min(1.0, places * 1.0 / count(*) OVER (PARTITION BY invite)) AS weight
         FROM participants JOIN invites ON invites.id = invite
         WHERE fit IS NOT NULL AND participants.revoked = 0
         ORDER BY enrolled_at, participants.id`,
      )
      .toArray()
      .map(({ fit, weight }) => ({ fit: fitOf(fit), weight }));
  }

  /** What a participant says of its backend when it commits; it may change after a restart. */
  setBackend(id: string, backend: string): void {
    this.#sql.exec("UPDATE participants SET backend = ? WHERE id = ?", backend, id);
  }

  addUploadedBytes(id: string, bytes: number): void {
    this.#sql.exec(
      "UPDATE participants SET uploaded_bytes = uploaded_bytes + ? WHERE id = ?",
      bytes,
      id,
    );
  }
}

/** Before other networks of the same tensors were looked at (SPEC F1.5) there was no `reading`. */
function fitOf(stored: string): Fit {
  return { reading: null, ...(JSON.parse(stored) as Omit<Fit, "reading"> & Partial<Fit>) };
}
