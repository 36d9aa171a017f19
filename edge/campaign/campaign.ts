import { DurableObject } from "cloudflare:workers";
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
import type { RefuseRequest } from "../../protocol/round/refusal.ts";
import type {
  CampaignReport,
  CampaignSummary,
  ParticipantReport,
  Removal,
  RoundReport,
} from "../../protocol/round/reports.ts";
import type { VoteRequest } from "../../protocol/round/trial/examination.ts";
import { commitBytes, commitDigest, voteBytes, voteDigest } from "../../protocol/round/signing.ts";
import type { CampaignAction } from "../../protocol/round/states.ts";
import type { UpdateReport } from "../../protocol/round/update-sizes.ts";
import { requireSignature } from "../access/signatures.ts";
import type { AttemptId } from "../blobs/update-objects.ts";
import { errorOf, outcomeOf, unwrap, type Outcome } from "../outcome.ts";
import { problemResponse } from "../problems.ts";
import type { SliceBindings } from "../slice/slice-bindings.ts";
import {
  outcomeOfCampaign,
  receiptOf,
  requireGoingOn,
  requireReadable,
  resultOf,
} from "./after-end.ts";
import { driveCombining } from "./combining/combining.ts";
import { sliceWorkers } from "./combining/slice-workers.ts";
import { sweep } from "./combining/sweep.ts";
import { requireSealed } from "./hidden/sealed-commit.ts";
import { linkAt, linkOfRound, studentAfter, type StudentOf } from "./history.ts";
import { enrol } from "./participants/enrolment.ts";
import { permitted, renewOnce, requireRenewal } from "./participants/permission.ts";
import { remove } from "./participants/removal.ts";
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
import { commitUpdate } from "./rounds/accept-commit.ts";
import {
  recordSlice,
  reserveSlice,
  sliceTerms,
  uploadStatus,
  type SliceTerms,
} from "./rounds/accept-slice.ts";
import { checkIn } from "./rounds/check-in.ts";
import { refuseStudent, settleAttempt } from "./rounds/refusals.ts";
import { act } from "./rounds/actions.ts";
import { rollBack } from "./rounds/roll-back.ts";
import type { CampaignDefinition } from "./store/campaign-store.ts";
import type { CommittedLink } from "./chain/link.ts";
import type { Chained } from "./store/chain-store.ts";
import type { InviteRecord, NewInvite } from "./store/roster.ts";
import { acceptVote } from "./trying/accept-vote.ts";
import { Transactions } from "./transactions.ts";

/**
 * The control object of one campaign: small rows, sockets, one alarm. Of tensors it sees none but
 * statistics and a mask, while students are made of a statistics round (SPEC B6). Every call is one
 * transaction.
 */
export class Campaign extends DurableObject<SliceBindings> {
  readonly #transactions: Transactions;

  constructor(context: DurableObjectState, bindings: SliceBindings) {
    super(context, bindings);
    this.#transactions = new Transactions(context);
  }

  /** Makes this object a campaign. */
  create(definition: CampaignDefinition): Promise<Outcome<CampaignReport>> {
    return outcomeOf(async () => {
      this.#transactions.create(definition);
      return unwrap(await this.report());
    });
  }

  summary(): Promise<Outcome<CampaignSummary>> {
    return this.#transactions.read(summaryOf);
  }

  report(): Promise<Outcome<CampaignReport>> {
    return this.#transactions.read((ledger, now) =>
      campaignReport(ledger, this.#transactions.presence, now),
    );
  }

  rounds(): Promise<Outcome<RoundReport[]>> {
    return this.#transactions.read(roundReports);
  }

  updates(round?: number): Promise<Outcome<UpdateReport[]>> {
    return this.#transactions.read((ledger) => updateReports(ledger, round));
  }

  figures(): Promise<Outcome<CampaignFigures>> {
    return this.#transactions.read((ledger, now) =>
      campaignFigures(ledger, this.#transactions.presence, now),
    );
  }

  participants(): Promise<Outcome<ParticipantReport[]>> {
    return this.#transactions.read((ledger, now) =>
      ledger.roster
        .participants()
        .map((person) => participantReport(ledger, this.#transactions.presence, person, now)),
    );
  }

  /** The student after `round` committed rounds; without it the one that the campaign has. */
  student(round?: number): Promise<Outcome<StudentOf>> {
    return this.#transactions.read((ledger) => studentAfter(ledger, round));
  }

  /** A link of the commit chain, from 0. */
  link(position: number): Promise<Outcome<Chained>> {
    return this.#transactions.read((ledger) => linkAt(ledger, position));
  }

  /** The link of a committed round. */
  linkOfRound(round: number): Promise<Outcome<Chained<CommittedLink>>> {
    return this.#transactions.read((ledger) => linkOfRound(ledger, round));
  }

  act(action: CampaignAction): Promise<Outcome<CampaignReport>> {
    return this.#transactions.write((ledger, now) => {
      act(ledger, action, now);
      return campaignReport(ledger, this.#transactions.presence, now);
    });
  }

  /** Goes back to an earlier student (SPEC C4). */
  rollBack(to: number): Promise<Outcome<CampaignReport>> {
    return this.#transactions.write((ledger, now) => {
      rollBack(ledger, to, now);
      return campaignReport(ledger, this.#transactions.presence, now);
    });
  }

  addInvite(invite: NewInvite): Promise<Outcome<InviteRecord>> {
    return this.#transactions.write((ledger) => {
      ledger.roster.addInvite(invite);
      return ledger.roster.invite(invite.id);
    });
  }

  invites(): Promise<Outcome<InviteRecord[]>> {
    return this.#transactions.read((ledger) => ledger.roster.invites());
  }

  revokeInvite(id: string): Promise<Outcome<InviteRecord>> {
    return this.#transactions.write((ledger) => {
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
    const outcome = await this.#transactions.write((ledger, now) => {
      const removed = remove(ledger, id, now);
      const report = participantReport(ledger, this.#transactions.presence, removed, now);
      return { ...report, closedInvite: removed.invite };
    });
    if (outcome.ok) this.#transactions.sockets.expel(id);
    return outcome;
  }

  preview(invite: string): Promise<Outcome<InvitePreview>> {
    return this.#transactions.read((ledger, now) => {
      this.#transactions.quota.check(invite, now);
      return invitePreview(ledger, ledger.roster.usableInvite(invite, now));
    });
  }

  /** @param fresh id for a participant that is not enrolled yet */
  enrol(
    invite: string,
    fresh: string,
    request: EnrolRequest,
  ): Promise<Outcome<Omit<EnrolReply, "credential">>> {
    return this.#transactions.write((ledger, now) => {
      this.#transactions.quota.check(invite, now);
      return enrol(ledger, invite, fresh, request, now);
    });
  }

  /** Whether the participant may read a blob. */
  admitReader(participant: string, digest: string): Promise<Outcome<void>> {
    return this.#transactions.participate(participant, (ledger) => requireReadable(ledger, digest));
  }

  view(participant: string): Promise<Outcome<CampaignView>> {
    return this.#transactions.participate(participant, (ledger) => {
      requireGoingOn(ledger.campaign.read());
      return campaignView(ledger);
    });
  }

  outcome(participant: string): Promise<Outcome<CampaignOutcome>> {
    return this.#transactions.participate(participant, outcomeOfCampaign);
  }

  receipt(participant: string): Promise<Outcome<Receipt>> {
    return this.#transactions.participate(participant, (ledger) => receiptOf(ledger, participant));
  }

  result(participant: string): Promise<Outcome<StudentOf>> {
    return this.#transactions.participate(participant, resultOf);
  }

  /** Whether a signature earns its participant a new credential (SPEC A6). */
  renew(request: RenewRequest): Promise<Outcome<void>> {
    return outcomeOf(async () => {
      const now = Date.now();
      const { publicKey } = unwrap(
        await this.#transactions.read((ledger) => permitted(ledger, request.participant, now)),
      );
      await requireRenewal(request, publicKey, now);
      // Only who holds the key uses up its quota.
      unwrap(
        await this.#transactions.participate(request.participant, (ledger) =>
          renewOnce(ledger, request, now),
        ),
      );
    });
  }

  checkIn(participant: string, report: CheckInRequest): Promise<Outcome<CheckInReply>> {
    return this.#transactions.participate(participant, (ledger, now, person) =>
      checkIn(ledger, person, report, (id, at) => this.#transactions.presence.heardAt(id, at), now),
    );
  }

  uploadStatus(participant: string, id: AttemptId): Promise<Outcome<UploadStatus>> {
    return this.#transactions.participate(participant, (ledger) =>
      uploadStatus(ledger, participant, id),
    );
  }

  sliceTerms(participant: string, id: AttemptId, index: number): Promise<Outcome<SliceTerms>> {
    return this.#transactions.participate(participant, (ledger) =>
      sliceTerms(ledger, participant, id, index),
    );
  }

  reserveSlice(
    participant: string,
    id: AttemptId,
    index: number,
    digest: string,
  ): Promise<Outcome<boolean>> {
    return this.#transactions.write((ledger, now) =>
      reserveSlice(ledger, participant, id, index, digest, now),
    );
  }

  recordSlice(
    participant: string,
    id: AttemptId,
    index: number,
    digest: string,
  ): Promise<Outcome<readonly string[]>> {
    return this.#transactions.write((ledger) =>
      recordSlice(ledger, participant, id, index, digest),
    );
  }

  commit(
    participant: string,
    id: AttemptId,
    request: CommitRequest,
  ): Promise<Outcome<CommitReply>> {
    return outcomeOf(async () => {
      await this.#requireSigned(participant, request.signature, "the commit", (campaign) =>
        commitBytes({ ...id, campaign, participant, commit: commitDigest(request) }),
      );
      await requireSealed(this.#transactions, participant, id, request);
      const reply = await this.#transactions.write((ledger, now) => {
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

  /** Takes a word on a candidate (SPEC K3). */
  vote(participant: string, id: AttemptId, request: VoteRequest): Promise<Outcome<AttemptId>> {
    return outcomeOf(async () => {
      await this.#requireSigned(participant, request.signature, "the vote", (campaign) =>
        voteBytes({ ...id, campaign, participant, vote: voteDigest(request) }),
      );
      const taken = await this.#transactions.write((ledger, now) => {
        // It may have been removed while the signature was looked at.
        permitted(ledger, participant, now);
        acceptVote(ledger, participant, id, request, now);
        return id;
      });
      return unwrap(taken);
    });
  }

  /** Of who enrolled with a key; others sign nothing. @throws ProtocolError `bad-signature`. */
  async #requireSigned(
    participant: string,
    signature: string | undefined,
    what: string,
    bytesFor: (campaign: string) => Uint8Array,
  ): Promise<void> {
    const { campaign, publicKey } = unwrap(
      await this.#transactions.participate(participant, (ledger, _, person) => ({
        campaign: ledger.campaign.read().id,
        publicKey: person.publicKey,
      })),
    );
    if (publicKey !== null) await requireSignature(publicKey, signature, bytesFor(campaign), what);
  }

  refuse(participant: string, id: AttemptId, request: RefuseRequest): Promise<Outcome<AttemptId>> {
    return this.#transactions.participate(participant, (ledger, now) => {
      refuseStudent(ledger, participant, id, request, now);
      return id;
    });
  }

  /** Opens the event socket of the participant that the Worker has authenticated. */
  override async fetch(request: Request): Promise<Response> {
    const participant = request.headers.get("Scour-Participant");
    if (participant === null) throw new TypeError("the request names no participant");
    const admitted = await this.#transactions.participate(participant, (ledger) =>
      requireGoingOn(ledger.campaign.read()),
    );
    return admitted.ok
      ? this.#transactions.sockets.accept(participant)
      : problemResponse(errorOf(admitted));
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const participant = this.#transactions.sockets.participantOf(socket);
    if (participant === undefined || !this.#transactions.isAtWork) return;
    const now = Date.now();
    if (!this.#transactions.quota.take(participant, now)) return;
    this.#transactions.presence.heard(participant, now);
    if (this.#transactions.sockets.receive(socket, message)) return;
    this.#transactions.countMalformed();
  }

  override async webSocketClose(socket: WebSocket, code: number): Promise<void> {
    // 1005 and 1006 say that no code came; they must not be sent.
    socket.close(code === 1005 || code === 1006 ? 1000 : code);
  }

  override async alarm(): Promise<void> {
    if (!this.#transactions.isAtWork) return;
    await this.#transactions.work(async (transact) => {
      const campaign = transact((ledger) => ledger.campaign.read());
      await driveCombining(transact, sliceWorkers(this.env, campaign));
      await sweep(transact, this.env.BLOBS);
    });
  }
}
