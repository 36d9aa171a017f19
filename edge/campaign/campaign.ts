import { DurableObject } from "cloudflare:workers";
import { ProtocolError } from "../../protocol/errors.ts";
import type {
  CampaignView,
  EnrolReply,
  EnrolRequest,
  InvitePreview,
  RenewRequest,
} from "../../protocol/round/access.ts";
import type { Outcome as CampaignOutcome, Receipt } from "../../protocol/round/after-end.ts";
import type {
  CheckInReply,
  CheckInRequest,
  CommitReply,
  CommitRequest,
  UploadStatus,
} from "../../protocol/round/assignment.ts";
import type { Announcement } from "../../protocol/round/events.ts";
import type { RefuseRequest } from "../../protocol/round/refusal.ts";
import type {
  CampaignReport,
  CampaignSummary,
  ParticipantReport,
  Removal,
  RoundReport,
} from "../../protocol/round/reports.ts";
import { commitBytes, commitDigest } from "../../protocol/round/signing.ts";
import { isEnded, type CampaignAction } from "../../protocol/round/states.ts";
import type { UpdateReport } from "../../protocol/round/update-sizes.ts";
import { RequestQuota } from "../access/request-quota.ts";
import { requireSignature } from "../access/signatures.ts";
import type { AttemptId } from "../blobs/update-objects.ts";
import type { Environment } from "../environment.ts";
import { errorOf, outcomeOf, unwrap, type Outcome } from "../outcome.ts";
import { problemResponse } from "../problems.ts";
import {
  commitUpdate,
  recordSlice,
  reserveSlice,
  sliceTerms,
  uploadStatus,
  type SliceTerms,
} from "./rounds/accept-update.ts";
import {
  outcomeOfCampaign,
  receiptOf,
  requireGoingOn,
  requireReadable,
  resultOf,
} from "./after-end.ts";
import {
  CampaignStore,
  type CampaignDefinition,
  type StudentRecord,
} from "./store/campaign-store.ts";
import { chainLinkSchema, type ChainLink } from "./store/chain.ts";
import { checkIn } from "./rounds/check-in.ts";
import { driveCombining } from "./combining/combining.ts";
import { startFromStatistics } from "./start/initialise-student.ts";
import type { Transact, Ledger } from "./store/ledger.ts";
import { Presence } from "./participants/presence.ts";
import {
  campaignFigures,
  campaignReport,
  campaignView,
  invitePreview,
  participantReport,
  roundReports,
  summaryOf,
  updateReports,
  type CampaignFigures,
} from "./reports.ts";
import {
  Roster,
  type InviteRecord,
  type NewInvite,
  type ParticipantRecord,
} from "./store/roster.ts";
import { RoundStore } from "./store/round-store.ts";
import { hasSchema, migrate } from "./store/schema.ts";
import { permitted, renewOnce, requireRenewal, requireSame } from "./participants/permission.ts";
import { EventSockets } from "./participants/sockets.ts";
import { sweep } from "./combining/sweep.ts";
import { refuseStudent, settleAttempt } from "./rounds/refusals.ts";
import { act, dropPart } from "./rounds/transitions.ts";
import { UploadStore } from "./store/upload-store.ts";

/**
 * The control object of one campaign: small rows, sockets, one alarm. Of tensors it sees none but
 * statistics and a mask, while students are made of a statistics round (SPEC B6).
 *
 * Every call is one transaction; what must happen later (deadline, combining, sweeping) is read off
 * the rows, so the alarm is only a reminder and is set again whenever it may have been lost.
 */
export class Campaign extends DurableObject<Environment> {
  readonly #ledger: Ledger;
  readonly #sockets: EventSockets;
  readonly #quota = new RequestQuota();
  readonly #presence: Presence;
  #announcements: Announcement[] = [];
  #exists: boolean;
  /** Why this version must leave the campaign alone. */
  #refusal: ProtocolError | undefined;

  constructor(context: DurableObjectState, environment: Environment) {
    super(context, environment);
    const { sql } = context.storage;
    this.#sockets = new EventSockets(context);
    this.#ledger = {
      campaign: new CampaignStore(sql),
      rounds: new RoundStore(sql),
      uploads: new UploadStore(sql),
      roster: new Roster(sql),
      announce: (event) => void this.#announcements.push(event),
    };
    this.#presence = new Presence(this.#sockets, this.#ledger.roster);
    this.#exists = hasSchema(sql);
    if (!this.#exists) return;
    try {
      context.storage.transactionSync(() => {
        migrate(sql);
        this.#ledger.campaign.read();
      });
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#refusal = error;
      return;
    }
    // After a crash the alarm may be gone while work is pending.
    void context.blockConcurrencyWhile(() => this.#arm());
  }

  /** Makes this object a campaign. */
  create(definition: CampaignDefinition): Promise<Outcome<CampaignReport>> {
    return outcomeOf(() => {
      if (this.#exists) throw new Error("this campaign exists already");
      this.ctx.storage.transactionSync(() => {
        migrate(this.ctx.storage.sql);
        this.#ledger.campaign.create(definition);
      });
      this.#exists = true;
      return campaignReport(this.#ledger, this.#presence, Date.now());
    });
  }

  summary(): Promise<Outcome<CampaignSummary>> {
    return this.#read(summaryOf);
  }

  report(): Promise<Outcome<CampaignReport>> {
    return this.#read((ledger, now) => campaignReport(ledger, this.#presence, now));
  }

  rounds(): Promise<Outcome<RoundReport[]>> {
    return this.#read(roundReports);
  }

  updates(round?: number): Promise<Outcome<UpdateReport[]>> {
    return this.#read((ledger) => updateReports(ledger, round));
  }

  figures(): Promise<Outcome<CampaignFigures>> {
    return this.#read((ledger, now) => campaignFigures(ledger, this.#presence, now));
  }

  participants(): Promise<Outcome<ParticipantReport[]>> {
    return this.#read((ledger, now) =>
      ledger.roster
        .participants()
        .map((person) => participantReport(ledger, this.#presence, person, now)),
    );
  }

  /**
   * The student after `round` committed rounds; without it the latest, or the one that a campaign which
   * failed went back to.
   */
  student(round?: number): Promise<Outcome<{ model: string; student: StudentRecord }>> {
    return this.#read((ledger) => {
      const { committed, decisions, model } = ledger.campaign.read();
      const good = decisions.gate?.verdict === "failed" ? decisions.gate.fellBackTo : null;
      const student = ledger.campaign.student(round ?? good ?? committed);
      if (student !== undefined) return { model: model.digest, student };
      throw new ProtocolError(
        "not-found",
        `there is no student of round ${round ?? committed}: ${committed} rounds are committed (0 is the student before the first, but for campaigns that begin with a statistics round, where it comes of that)`,
      );
    });
  }

  /** What the chain's value after a committed round was computed from. */
  chainLink(round: number): Promise<Outcome<{ chain: string; link: ChainLink }>> {
    return this.#read((ledger) => {
      const student = ledger.campaign.student(round + 1);
      if (student?.link == null || student.chain === null) {
        throw new ProtocolError("not-found", `round ${round} is not committed`);
      }
      return { chain: student.chain, link: chainLinkSchema.parse(JSON.parse(student.link)) };
    });
  }

  act(action: CampaignAction): Promise<Outcome<CampaignReport>> {
    return this.#write((ledger, now) => {
      act(ledger, action, now);
      return campaignReport(ledger, this.#presence, now);
    });
  }

  addInvite(invite: NewInvite): Promise<Outcome<InviteRecord>> {
    return this.#write((ledger) => {
      ledger.roster.addInvite(invite);
      return ledger.roster.invite(invite.id);
    });
  }

  invites(): Promise<Outcome<InviteRecord[]>> {
    return this.#read((ledger) => ledger.roster.invites());
  }

  revokeInvite(id: string): Promise<Outcome<InviteRecord>> {
    return this.#write((ledger) => {
      ledger.roster.invite(id);
      ledger.roster.revokeInvite(id);
      return ledger.roster.invite(id);
    });
  }

  /**
   * Removes a participant and closes its invite, so that it does not come back by it; its part in a
   * round that still collects is dropped (SPEC A3).
   */
  async removeParticipant(id: string): Promise<Outcome<Removal>> {
    const outcome = await this.#write((ledger, now) => {
      const person = ledger.roster.participant(id);
      if (person === undefined) {
        throw new ProtocolError("not-found", `this campaign has no participant ${id}`);
      }
      ledger.roster.revokeParticipant(id);
      ledger.roster.revokeInvite(person.invite);
      dropPart(ledger, id, now);
      const removed = ledger.roster.participant(id)!;
      const report = participantReport(ledger, this.#presence, removed, now);
      return { ...report, closedInvite: person.invite };
    });
    if (outcome.ok) this.#sockets.expel(id);
    return outcome;
  }

  preview(invite: string): Promise<Outcome<InvitePreview>> {
    return this.#read((ledger, now) => {
      this.#quota.check(invite, now);
      return invitePreview(ledger, ledger.roster.usableInvite(invite, now));
    });
  }

  /** @param fresh id for a participant that is not enrolled yet */
  enrol(
    invite: string,
    fresh: string,
    request: EnrolRequest,
  ): Promise<Outcome<Omit<EnrolReply, "credential">>> {
    return this.#write((ledger, now) => {
      this.#quota.check(invite, now);
      const { state } = ledger.campaign.read();
      const known = ledger.roster.enrolledWith(invite, request.key);
      if (known !== undefined) requireSame(known, request);
      const usable = known ?? ledger.roster.usableInvite(invite, now);
      if (isEnded(state)) {
        throw new ProtocolError(
          "campaign-state",
          `the campaign is ${state}: nobody can join it any more`,
          { state },
        );
      }
      if (!("uses" in usable)) return { participant: usable.id, campaign: campaignView(ledger) };
      ledger.roster.enrol(fresh, usable, request, now);
      return { participant: fresh, campaign: campaignView(ledger) };
    });
  }

  /** Whether the participant may read a blob. */
  admitReader(participant: string, digest: string): Promise<Outcome<void>> {
    return this.#participate(participant, (ledger) => requireReadable(ledger, digest));
  }

  view(participant: string): Promise<Outcome<CampaignView>> {
    return this.#participate(participant, (ledger) => {
      requireGoingOn(ledger.campaign.read());
      return campaignView(ledger);
    });
  }

  outcome(participant: string): Promise<Outcome<CampaignOutcome>> {
    return this.#participate(participant, outcomeOfCampaign);
  }

  receipt(participant: string): Promise<Outcome<Receipt>> {
    return this.#participate(participant, (ledger) => receiptOf(ledger, participant));
  }

  result(participant: string): Promise<Outcome<{ model: string; student: StudentRecord }>> {
    return this.#participate(participant, resultOf);
  }

  /** Whether a signature earns its participant a new credential (SPEC A6). */
  renew(request: RenewRequest): Promise<Outcome<void>> {
    return outcomeOf(async () => {
      const now = Date.now();
      const { publicKey } = unwrap(
        await this.#read((ledger) => permitted(ledger, request.participant, now)),
      );
      await requireRenewal(request, publicKey, now);
      // Only who holds the key uses up its quota.
      unwrap(
        await this.#participate(request.participant, (ledger) => renewOnce(ledger, request, now)),
      );
    });
  }

  checkIn(participant: string, report: CheckInRequest): Promise<Outcome<CheckInReply>> {
    return this.#participate(participant, (ledger, now, person) =>
      checkIn(ledger, person, report, (id, at) => this.#presence.heardAt(id, at), now),
    );
  }

  uploadStatus(participant: string, id: AttemptId): Promise<Outcome<UploadStatus>> {
    return this.#participate(participant, (ledger) => uploadStatus(ledger, participant, id));
  }

  sliceTerms(participant: string, id: AttemptId, index: number): Promise<Outcome<SliceTerms>> {
    return this.#participate(participant, (ledger) => sliceTerms(ledger, participant, id, index));
  }

  reserveSlice(
    participant: string,
    id: AttemptId,
    index: number,
    digest: string,
  ): Promise<Outcome<boolean>> {
    return this.#write((ledger, now) => reserveSlice(ledger, participant, id, index, digest, now));
  }

  recordSlice(
    participant: string,
    id: AttemptId,
    index: number,
    digest: string,
  ): Promise<Outcome<readonly string[]>> {
    return this.#write((ledger) => recordSlice(ledger, participant, id, index, digest));
  }

  commit(
    participant: string,
    id: AttemptId,
    request: CommitRequest,
  ): Promise<Outcome<CommitReply>> {
    return outcomeOf(async () => {
      const { campaign, publicKey } = unwrap(
        await this.#participate(participant, (ledger, _, person) => ({
          campaign: ledger.campaign.read().id,
          publicKey: person.publicKey,
        })),
      );
      if (publicKey !== null) {
        const signed = { ...id, campaign, participant, commit: commitDigest(request) };
        await requireSignature(publicKey, request.signature, commitBytes(signed), "the commit");
      }
      const reply = await this.#write((ledger, now) => {
        // It may have been removed while the signature was looked at.
        permitted(ledger, participant, now);
        const verdict = commitUpdate(ledger, participant, id, request, now);
        // It may have been the last answer that refusals waited for.
        settleAttempt(ledger, now);
        return verdict;
      });
      return unwrap(reply);
    });
  }

  refuse(participant: string, id: AttemptId, request: RefuseRequest): Promise<Outcome<AttemptId>> {
    return this.#participate(participant, (ledger, now) => {
      refuseStudent(ledger, participant, id, request, now);
      return id;
    });
  }

  /** Opens the event socket of the participant that the Worker has authenticated. */
  override async fetch(request: Request): Promise<Response> {
    const participant = request.headers.get("Scour-Participant");
    if (participant === null) throw new TypeError("the request names no participant");
    const admitted = await this.#participate(participant, (ledger) =>
      requireGoingOn(ledger.campaign.read()),
    );
    return admitted.ok ? this.#sockets.accept(participant) : problemResponse(errorOf(admitted));
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const participant = this.#sockets.participantOf(socket);
    if (participant === undefined || this.#refusal !== undefined) return;
    const now = Date.now();
    if (!this.#quota.take(participant, now)) return;
    this.#presence.heard(participant, now);
    if (this.#sockets.receive(socket, message)) return;
    const { campaign } = this.#ledger;
    campaign.update({ malformedEvents: campaign.read().malformedEvents + 1 });
  }

  override async webSocketClose(socket: WebSocket, code: number): Promise<void> {
    // 1005 and 1006 say that no code came; they must not be sent.
    socket.close(code === 1005 || code === 1006 ? 1000 : code);
  }

  override async alarm(): Promise<void> {
    if (!this.#exists || this.#refusal !== undefined) return;
    const transact: Transact = (body) => this.#transact(body);
    try {
      transact(settleAttempt);
      await driveCombining(transact, {
        measure: (work) => this.#slice(work.slice.index).measure(work),
        combine: (work) => this.#slice(work.slice.index).combine(work),
        pool: (work) => this.#slice(0).pool(work),
        start: (statistics, strength) =>
          startFromStatistics(this.env, this.#ledger.campaign.read(), statistics, strength),
      });
      await sweep(transact, this.env.BLOBS);
    } finally {
      this.#flush();
      await this.#arm();
    }
  }

  #slice(index: number) {
    return this.env.SLICE.getByName(`${this.#ledger.campaign.read().id}/${index}`);
  }

  #requireExistence(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
    if (this.#exists) return;
    throw new ProtocolError("not-found", "there is no such campaign");
  }

  #transact<T>(body: (ledger: Ledger, now: number) => T): T {
    const before = this.#announcements.length;
    try {
      return this.ctx.storage.transactionSync(() => body(this.#ledger, Date.now()));
    } catch (error) {
      // What was rolled back did not happen.
      this.#announcements.length = before;
      throw error;
    }
  }

  #read<T>(body: (ledger: Ledger, now: number) => T): Promise<Outcome<T>> {
    return outcomeOf(() => {
      this.#requireExistence();
      return body(this.#ledger, Date.now());
    });
  }

  #write<T>(body: (ledger: Ledger, now: number) => T): Promise<Outcome<T>> {
    return outcomeOf(async () => {
      this.#requireExistence();
      try {
        // Of its own, so that a refusal by the body does not take it back.
        this.#transact(settleAttempt);
        return this.#transact(body);
      } finally {
        this.#flush();
        await this.#arm();
      }
    });
  }

  /** A participant's call: it must not have been removed, nor ask too often. */
  #participate<T>(
    participant: string,
    body: (ledger: Ledger, now: number, person: ParticipantRecord) => T,
  ): Promise<Outcome<T>> {
    return this.#write((ledger, now) => {
      const person = permitted(ledger, participant, now);
      this.#quota.check(participant, now);
      this.#presence.note(participant, person.lastSeenAt, now);
      return body(ledger, now, person);
    });
  }

  #flush(): void {
    const announcements = this.#announcements;
    this.#announcements = [];
    if (announcements.length === 0) return;
    const { detail, state } = this.#ledger.campaign.read();
    for (const event of announcements) {
      this.#sockets.broadcast(event.type === "campaign-state" ? { ...event, detail } : event);
    }
    if (isEnded(state)) this.#sockets.closeAll(`the campaign is ${state}`);
  }

  /** When something is to be done by itself, ms since the epoch; undefined when nothing is. */
  #due(): number | undefined {
    const { state, sweepAt } = this.#ledger.campaign.read();
    const attempt = this.#ledger.rounds.current();
    const times = sweepAt === null ? [] : [sweepAt];
    if (state === "running" && attempt?.state === "combining") times.push(attempt.retryAt ?? 0);
    if (state === "running" && attempt?.state === "collecting") times.push(attempt.deadline ?? 0);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Sets the one alarm to the earliest time at which something is due. */
  async #arm(): Promise<void> {
    const due = this.#due();
    if (due === undefined) return;
    const at = Math.max(due, Date.now());
    const set = await this.ctx.storage.getAlarm();
    if (set === null || set > at) await this.ctx.storage.setAlarm(at);
  }
}
