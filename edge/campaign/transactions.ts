import { ProtocolError } from "../../protocol/errors.ts";
import type { Announcement } from "../../protocol/round/events.ts";
import { isEnded } from "../../protocol/round/states.ts";
import { RequestQuota } from "../access/request-quota.ts";
import { outcomeOf, type Outcome } from "../outcome.ts";
import { permitted } from "./participants/permission.ts";
import { Presence } from "./participants/presence.ts";
import { EventSockets } from "./participants/sockets.ts";
import { dueAt, phaseOf } from "./rounds/phases.ts";
import { settleAttempt } from "./rounds/refusals.ts";
import { CampaignStore, type CampaignDefinition } from "./store/campaign-store.ts";
import type { Ledger, Transact } from "./store/ledger.ts";
import { Roster, type ParticipantRecord } from "./store/roster.ts";
import { ChainStore } from "./store/chain-store.ts";
import { CommitStore } from "./store/commit-store.ts";
import { RoundStore } from "./store/round-store.ts";
import { hasSchema, migrate } from "./store/schema.ts";
import { TrialStore } from "./store/trial-store.ts";
import { UploadStore } from "./store/upload-store.ts";

/**
 * Runs every call of a campaign's object as one transaction, and sees to what follows from it: what is
 * announced once it stands, and the alarm. What must happen later (deadline, combining, sweeping) is
 * read off the rows, so the alarm is only a reminder and is set again whenever it may have been lost.
 */
export class Transactions {
  readonly sockets: EventSockets;
  readonly quota = new RequestQuota();
  readonly presence: Presence;
  readonly #storage: DurableObjectStorage;
  readonly #ledger: Ledger;
  #announcements: Announcement[] = [];
  #exists: boolean;
  /** Why this version must leave the campaign alone. */
  #refusal: ProtocolError | undefined;

  constructor(context: DurableObjectState) {
    const { storage } = context;
    const { sql } = storage;
    this.#storage = storage;
    this.sockets = new EventSockets(context);
    this.#ledger = {
      campaign: new CampaignStore(sql),
      rounds: new RoundStore(sql),
      commits: new CommitStore(sql),
      uploads: new UploadStore(sql),
      trials: new TrialStore(sql),
      roster: new Roster(sql),
      chain: new ChainStore(sql),
      announce: (event) => void this.#announcements.push(event),
    };
    this.presence = new Presence(this.sockets, this.#ledger.roster);
    this.#exists = hasSchema(sql);
    if (!this.#exists) return;
    try {
      storage.transactionSync(() => {
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

  /** Whether there is a campaign that this version may work on. */
  get isAtWork(): boolean {
    return this.#exists && this.#refusal === undefined;
  }

  /** Makes this object a campaign. */
  create(definition: CampaignDefinition): void {
    if (this.#exists) throw new Error("this campaign exists already");
    this.#storage.transactionSync(() => {
      migrate(this.#storage.sql);
      this.#ledger.campaign.create(definition);
    });
    this.#exists = true;
  }

  read<T>(body: (ledger: Ledger, now: number) => T): Promise<Outcome<T>> {
    return outcomeOf(() => {
      this.#requireExistence();
      return body(this.#ledger, Date.now());
    });
  }

  write<T>(body: (ledger: Ledger, now: number) => T): Promise<Outcome<T>> {
    return outcomeOf(async () => {
      this.#requireExistence();
      return await this.#attended(() => {
        // Of its own, so that a refusal by the body does not take it back.
        this.#transact(settleAttempt);
        return this.#transact(body);
      });
    });
  }

  /** A participant's call: it must not have been removed, nor ask too often. */
  participate<T>(
    participant: string,
    body: (ledger: Ledger, now: number, person: ParticipantRecord) => T,
  ): Promise<Outcome<T>> {
    return this.write((ledger, now) => {
      const person = permitted(ledger, participant, now);
      this.quota.check(participant, now);
      this.presence.note(participant, person.lastSeenAt, now);
      return body(ledger, now, person);
    });
  }

  /** What is due by itself, and then work of many transactions. */
  async work(body: (transact: Transact) => Promise<void>): Promise<void> {
    const transact: Transact = (step) => this.#transact(step);
    await this.#attended(async () => {
      transact(settleAttempt);
      await body(transact);
    });
  }

  /** Counts a message of an event socket that says nothing. */
  countMalformed(): void {
    const { campaign } = this.#ledger;
    campaign.update({ malformedEvents: campaign.read().malformedEvents + 1 });
  }

  #requireExistence(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
    if (this.#exists) return;
    throw new ProtocolError("not-found", "there is no such campaign");
  }

  #transact<T>(body: (ledger: Ledger, now: number) => T): T {
    const before = this.#announcements.length;
    try {
      return this.#storage.transactionSync(() => body(this.#ledger, Date.now()));
    } catch (error) {
      // What was rolled back did not happen.
      this.#announcements.length = before;
      throw error;
    }
  }

  /** Announces what stands and sets the alarm, however the work ends. */
  async #attended<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      this.#flush();
      await this.#arm();
    }
  }

  #flush(): void {
    const announcements = this.#announcements;
    this.#announcements = [];
    if (announcements.length === 0) return;
    const { detail, state } = this.#ledger.campaign.read();
    for (const event of announcements) {
      this.sockets.broadcast(event.type === "campaign-state" ? { ...event, detail } : event);
    }
    if (isEnded(state)) this.sockets.closeAll(`the campaign is ${state}`);
  }

  /** When something is to be done by itself, ms since the epoch; undefined when nothing is. */
  #due(): number | undefined {
    const campaign = this.#ledger.campaign.read();
    const { sweepAt } = campaign;
    const attempt = this.#ledger.rounds.current();
    const times = sweepAt === null ? [] : [sweepAt];
    const phase = attempt && phaseOf(campaign, attempt);
    if (campaign.state === "running" && phase !== undefined) times.push(dueAt(phase, attempt!));
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Sets the one alarm to the earliest time at which something is due. */
  async #arm(): Promise<void> {
    const due = this.#due();
    if (due === undefined) return;
    const at = Math.max(due, Date.now());
    const set = await this.#storage.getAlarm();
    if (set === null || set > at) await this.#storage.setAlarm(at);
  }
}
