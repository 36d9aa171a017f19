import { ProtocolError, type ProblemCode } from "../../protocol/errors.ts";
import type { CampaignView } from "../../protocol/round/access.ts";
import type { Receipt } from "../../protocol/round/after-end.ts";
import { silentAfterMs } from "../../protocol/round/campaign-config.ts";
import type { Assignment, StatisticsAssignment } from "../../protocol/round/assignment.ts";
import { DEVICE_CHARACTERS } from "../../protocol/round/identifiers.ts";
import { cleanText, cutText } from "../../protocol/text.ts";
import type { FoundBroken } from "../../protocol/round/refusal.ts";
import type { BlobFetchOptions } from "./wire/blob-fetch.ts";
import { foundBroken, hasBrokenValues } from "./broken-student.ts";
import { fetchCampaign } from "./wire/campaign-fetch.ts";
import { CheckIns } from "./check-ins.ts";
import { Controls, StoppedSignal } from "./controls.ts";
import { ConnectionError } from "./wire/connection-error.ts";
import {
  CoordinatorClient,
  type Attempt,
  type CoordinatorClientOptions,
} from "./wire/coordinator-client.ts";
import type { Credential } from "./wire/credential.ts";
import { joinCampaign } from "./wire/enrolment.ts";
import { Doorbell } from "./doorbell.ts";
import { EventChannel } from "./wire/event-channel.ts";
import { failureOf } from "./failure.ts";
import { askAboutImages, type MisfitAnswer } from "./image-fit.ts";
import { Heartbeat } from "./heartbeat.ts";
import { outcomeText } from "./outcome-text.ts";
import { signCommit } from "./wire/sign-commit.ts";
import { parseInviteUrl, type InviteLink } from "./wire/invite-url.ts";
import { defaultPorts, type ParticipantPorts } from "./ports.ts";
import { retrying, type Retry, type RetryOptions } from "./wire/retry.ts";
import { endsAttempt, endsCampaign, RoundOver } from "./round-over.ts";
import { workRound, type Workplace } from "./round-work.ts";
import { fetchStudent } from "./wire/student-fetch.ts";
import { afterVerdict, type ParticipantStatus, type ParticipantTotals } from "./status.ts";
import { StatusBoard, type ParticipantListener } from "./status-board.ts";
import type { LocalTrainer, LocalTraining } from "./local-trainer.ts";
import { deliver, type PendingUpdate } from "./wire/upload.ts";
import { workStatistics } from "./statistics-work.ts";
import { campaignRefusal, type VerifiedCampaign } from "./verify-campaign.ts";

export interface ParticipantOptions {
  /** `<origin>/join/<campaign id>#<invite token>` */
  readonly invite: string;
  /** What trains; `engineTraining` gives one. */
  readonly training: LocalTraining;
  /** What people see in the participants' list. */
  readonly label?: string;
  /**
   * Asked when the images do not look like what the model was trained on (SPEC F2); when left out, the
   * participant leaves.
   */
  readonly onMisfit?: MisfitAnswer;
  readonly ports?: Partial<ParticipantPorts>;
}

/** Least between check-ins while the event socket is open, so that the coordinator may sleep. */
const QUIET_MS = 20_000;

/** Problems of a round that went on without this participant. */
const PASSED: ReadonlySet<ProblemCode> = new Set(["stale-round", "update-conflict"]);

/** After a refusal that the next check-in clears up. */
const RECHECK_MS = 1_000;

/**
 * One participant of one campaign, from the invite to the last round: enrols, checks the teacher and
 * student₀, then trains and returns an update a round until the campaign ends or it is told to leave.
 * Lost connections and coordinator restarts only cost time. Needs neither a page nor Node.
 *
 * @example
 * const engine = await openEngine({ backend: "auto" });
 * const participant = new Participant({
 *   invite: "https://scour.example/join/c-…#eyJ…",
 *   training: engineTraining({ engine, images: (shape) => loadImages("./photos", shape) }),
 *   label: "kitchen laptop",
 * });
 * participant.subscribe((status, totals) => console.log(status.kind, totals.accepted));
 * const last = await participant.run(); // { kind: "finished" | "stopped", … }; rejects when it fails
 */
export class Participant {
  readonly #link: InviteLink;
  readonly #training: LocalTraining;
  readonly #label: string | undefined;
  readonly #onMisfit: MisfitAnswer;
  readonly #ports: ParticipantPorts;
  readonly #board = new StatusBoard();
  readonly #bell = new Doorbell();
  readonly #controls = new Controls(() => this.#bell.ring());
  /** The attempt whose steps are being taken, and how to give it up. */
  #current: (Attempt & { readonly over: AbortController }) | undefined;
  /** Aborts when an event says that the campaign is over. */
  readonly #campaign = new AbortController();
  #round: number | null = null;
  /** What the credential opens, once there is one. */
  #client: CoordinatorClient | undefined;

  /** @throws ParticipantError `invalid-invite` when the link is not one. */
  constructor(options: ParticipantOptions) {
    this.#link = parseInviteUrl(options.invite);
    this.#training = options.training;
    this.#label = options.label;
    this.#onMisfit = options.onMisfit ?? (() => "leave");
    this.#ports = { ...defaultPorts(), ...options.ports };
  }

  get status(): ParticipantStatus {
    return this.#board.status;
  }

  get totals(): ParticipantTotals {
    return this.#board.totals;
  }

  /** Calls the listener now and at every change. @returns a function that ends it. */
  subscribe(listener: ParticipantListener): () => void {
    return this.#board.subscribe(listener);
  }

  /** Holds between steps; the device idles. The round may pass meanwhile. */
  pause(): void {
    this.#controls.pause();
  }

  resume(): void {
    this.#controls.resume();
  }

  /** Leaves once the update at hand is delivered; at once when there is none. */
  finishRound(): void {
    this.#controls.finishRound();
  }

  /** Leaves now; an unfinished update is lost. */
  stop(): void {
    this.#controls.stop();
  }

  /**
   * Takes part until the campaign ends or the participant is told to leave. To be called once.
   *
   * @returns the last status, `finished` or `stopped`.
   * @throws ProtocolError, ParticipantError, EngineError or ImageError when it cannot go on; the
   *   status is then `failed`, with a hint.
   */
  async run(): Promise<ParticipantStatus> {
    const ended = new AbortController();
    let trainer: LocalTrainer | undefined;
    try {
      const { credential, view } = await joinCampaign({
        link: this.#link,
        label: this.#label,
        device: this.#device,
        prepare: async (shape) => await this.#training.prepare?.(shape),
        randomBytes: this.#ports.randomBytes,
        identities: this.#ports.identities,
        clientFor: (token) => this.#clientWith(token),
        retry: this.#retryOptions(),
      });
      const client = this.#clientWith(credential);
      this.#client = client;
      if (view === null) return this.#board.show(await this.#ended(client));
      const campaign = await this.#verify(client, view);
      const { graph, layout, teacher } = campaign;
      trainer = await this.#training.open({ graph, layout, teacher, config: view.config });
      const channel = this.#listen(credential, ended.signal);
      const checkIns = this.#checkIns(campaign, client, trainer);
      const workplace = this.#workplace({ campaign, trainer, channel, checkIns });
      await this.#askAboutImages({ campaign, trainer, checkIns });
      await this.#seek(trainer);
      const session = { client, channel, checkIns, credential, workplace };
      return this.#board.show(await this.#takePart(session));
    } catch (error) {
      if (error instanceof StoppedSignal) return this.#board.show({ kind: "stopped" });
      const last = await this.#endedUnder(error);
      this.#board.show(last);
      if (last.kind === "failed") throw error;
      return last;
    } finally {
      ended.abort();
      trainer?.close();
    }
  }

  /** What this participant gave to the campaign, once it has ended (SPEC A8). */
  receipt(): Promise<Receipt> {
    return this.#retry((signal) => this.#joined().receipt(signal));
  }

  /** The cleansed model as a file, where the organiser shares it (SPEC A9). */
  result(): Promise<Response> {
    return this.#retry((signal) => this.#joined().result(signal));
  }

  #joined(): CoordinatorClient {
    if (this.#client === undefined) throw new Error("this participant has not joined");
    return this.#client;
  }

  #verify(client: CoordinatorClient, view: CampaignView): Promise<VerifiedCampaign> {
    return fetchCampaign(view, {
      ...this.#blobOptions(client),
      onBytes: this.#downloads("teacher", view.model.bytes),
      onFetched: () => void this.#board.show({ kind: "verifying" }),
    });
  }

  #listen(credential: Credential, ended: AbortSignal): EventChannel {
    const { clock, random, WebSocket } = this.#ports;
    return new EventChannel({
      origin: this.#link.origin,
      credential: () => credential.token,
      WebSocket,
      clock,
      random,
      signal: AbortSignal.any([ended, this.#controls.signal]),
      onConnected: () => this.#bell.ring(),
      onEvent: (event) => {
        if (endsCampaign(event)) this.#campaign.abort(new RoundOver("the campaign ended"));
        if (this.#current !== undefined && endsAttempt(event, this.#current)) {
          this.#current.over.abort(new RoundOver("the round ended"));
        }
        this.#bell.ring();
      },
    });
  }

  /** The loop over rounds; returns the last status. */
  async #takePart(session: Session): Promise<ParticipantStatus> {
    const { channel, checkIns, client } = session;
    const { clock } = this.#ports;
    // A silent one's place is given on without an event: it is asked for before it would be too late.
    const silentMs = silentAfterMs(session.workplace.campaign.view.config.round);
    const quietMs = Math.min(QUIET_MS, silentMs / 2);
    let pending: PendingUpdate | undefined;
    for (;;) {
      await this.#gate();
      // A place in a round that is not filled would keep others waiting.
      if (this.#controls.finishing && pending === undefined) return { kind: "stopped" };
      const seen = this.#bell.rings;
      const reply = await checkIns.next();
      this.#round = reply.round;
      if (reply.kind === "ended") return await this.#ended(client);

      if (reply.kind === "wait") {
        const { reason, retryAfterMs } = reply;
        // A paused campaign takes the update at hand once it goes on; any other wait outdates it.
        if (reason !== "paused") pending = undefined;
        if (this.#controls.finishing && pending === undefined) continue;
        this.#board.show({ kind: "waiting", reason, round: reply.round, detail: null });
        const waitMs = channel.connected ? Math.max(retryAfterMs, quietMs) : retryAfterMs;
        await this.#bell.wait(seen, waitMs, clock, this.#controls.signal);
        continue;
      }

      if (pending?.round !== reply.round || pending.attempt !== reply.attempt) pending = undefined;
      if (pending === undefined && this.#controls.finishing) return { kind: "stopped" };
      pending ??= await this.#work(reply, session);
      if (pending === undefined) {
        await clock.sleep(RECHECK_MS, this.#controls.signal);
        continue;
      }
      const outcome = await this.#deliver(pending, session);
      if (outcome !== "kept") pending = undefined;
      if (outcome !== "delivered") await clock.sleep(RECHECK_MS, this.#controls.signal);
    }
  }

  #checkIns(campaign: VerifiedCampaign, client: CoordinatorClient, trainer: LocalTrainer) {
    const measure = (): Promise<number> => {
      this.#board.show({ kind: "measuring" });
      const { signal } = this.#controls;
      return trainer.measure({ signal, beforeRun: () => this.#gate() });
    };
    const isSized = campaign.view.config.distillation.localSteps > 1;
    return new CheckIns({
      backend: this.#device,
      ask: (report) => this.#retry((signal) => client.checkIn(report, signal)),
      measure: isSized ? measure : undefined,
    });
  }

  /** Whether the images are such as the teacher knows, before anything else is done with them. */
  async #askAboutImages(
    parts: Pick<Workplace, "campaign" | "trainer"> & { readonly checkIns: CheckIns },
  ): Promise<void> {
    await this.#gate();
    await this.#unlessOver((signal) =>
      askAboutImages({
        ...parts,
        board: this.#board,
        answer: this.#onMisfit,
        signal,
        beforeBatch: () => this.#gate(),
      }),
    );
  }

  /** What is trained against, before a round's time runs. */
  async #seek(trainer: LocalTrainer): Promise<void> {
    await this.#gate();
    await this.#unlessOver((signal) =>
      trainer.seekWeaknesses({
        signal,
        beforeBatch: () => this.#gate(),
        onSearch: (searches, totalSearches) =>
          void this.#board.show({ kind: "seeking", searches, totalSearches }),
      }),
    );
  }

  /** What comes before rounds, given up when the participant is to leave or the campaign is over. */
  async #unlessOver(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    try {
      await work(AbortSignal.any([this.#controls.leaving, this.#campaign.signal]));
    } catch (error) {
      // The next check-in tells how the campaign ended.
      if (!(error instanceof RoundOver)) throw error;
    }
  }

  #workplace(parts: Pick<Workplace, "campaign" | "trainer" | "channel" | "checkIns">): Workplace {
    return {
      ...parts,
      ports: this.#ports,
      device: this.#device,
      isPaused: () => this.#controls.paused,
      beat: () => undefined,
      gate: () => this.#gate(),
      show: (status) => this.#board.show(status),
    };
  }

  /** The device's name as the wire takes it. */
  get #device(): string {
    return cutText(cleanText(this.#training.device), DEVICE_CHARACTERS);
  }

  /** Does what the round asks for; undefined when the round ended meanwhile. */
  async #work(
    assignment: Assignment | StatisticsAssignment,
    session: Session,
  ): Promise<PendingUpdate | undefined> {
    const { attempt, round } = assignment;
    const over = new AbortController();
    this.#current = { round, attempt, over };
    try {
      const { client } = session;
      const signal = AbortSignal.any([over.signal, this.#controls.signal]);
      const place = { ...session.workplace, beat: this.#heartbeat(assignment, session, signal) };
      if (assignment.kind === "statistics") {
        return await workStatistics(assignment, signal, place);
      }
      if (session.workplace.campaign.view.starts.length === 0) await this.#learnStarts(session);
      const { workplace } = session;
      const { campaign } = workplace;
      const student = await fetchStudent(assignment, campaign, {
        ...this.#blobOptions(client),
        onBytes: this.#downloads("student", campaign.layout.length * 4),
      });
      if (hasBrokenValues(student, campaign.layout)) {
        await this.#refuse(assignment, "student", client);
        return undefined;
      }
      try {
        return await workRound({ assignment, student, signal }, { ...workplace, beat: place.beat });
      } catch (error) {
        const found = await foundBroken(error, student, workplace.trainer);
        if (found === undefined) throw error;
        await this.#refuse(assignment, found, client);
        return undefined;
      }
    } catch (error) {
      // A student that is gone belongs to a round that is.
      const gone = error instanceof ProtocolError && error.code === "not-found";
      if (error instanceof RoundOver || gone) return undefined;
      throw error;
    } finally {
      this.#current = undefined;
    }
  }

  /** Says that this participant is at work: on the socket, or without one by asking what is stored. */
  #heartbeat(
    { attempt, round }: Attempt,
    { channel, client, workplace }: Session,
    signal: AbortSignal,
  ): () => void {
    const silentMs = silentAfterMs(workplace.campaign.view.config.round);
    const heart = new Heartbeat(this.#ports.clock, silentMs, () => {
      if (channel.connected) channel.beat();
      // Lost, or too late: the next request will tell.
      else client.uploadStatus({ round, attempt }, signal).catch(() => undefined);
    });
    return () => heart.beat();
  }

  /** Tells the coordinator that the round's student is broken; the next check-in says to wait. */
  async #refuse(
    { attempt, round }: Attempt,
    found: FoundBroken,
    client: CoordinatorClient,
  ): Promise<void> {
    try {
      const request = { reason: "broken-student" as const, found };
      await this.#retry((signal) => client.refuse({ attempt, round }, request, signal));
    } catch (error) {
      // The round is over, or has an update of this participant already: nothing is to be said of it.
      const passed = error instanceof ProtocolError && PASSED.has(error.code);
      if (!passed) throw error;
    }
  }

  /** Statistics were pooled since this participant joined: there are starts to be verified now. */
  async #learnStarts(session: Session): Promise<void> {
    const { client, workplace } = session;
    const view = await this.#retry((signal) => client.campaign(signal));
    if (view.starts.length === 0) {
      throw campaignRefusal("it hands out a round of training without telling what it starts from");
    }
    session.workplace = { ...workplace, campaign: await this.#verify(client, view) };
  }

  /** `dropped`: the round went on without it. `kept`: the campaign is paused; try again later. */
  async #deliver(
    update: PendingUpdate,
    { client, credential }: Session,
  ): Promise<"delivered" | "dropped" | "kept"> {
    const { round } = update;
    try {
      const request = await signCommit(update, credential.identity);
      const signed = { ...update, request };
      const reply = await deliver(signed, {
        ...this.#retryOptions(),
        client,
        beforeSlice: () => this.#gate(),
        onStored: (bytes, totalBytes) =>
          this.#board.show({ kind: "uploading", round, bytes, totalBytes }),
      });
      this.#board.count(afterVerdict(this.#board.totals, reply, update.kind, request));
      return "delivered";
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error.code === "campaign-state") return "kept";
      if (PASSED.has(error.code)) return "dropped";
      if (error.code === "malformed-update" && update.kind === "update") {
        await this.#refuse(update, "update", client);
        return "dropped";
      }
      throw error;
    }
  }

  /** Shows a download from its beginning; the function returned is told of further bytes. */
  #downloads(what: "teacher" | "student", totalBytes: number): (bytes: number) => void {
    let bytes = 0;
    const progress = (more: number): void => {
      bytes += more;
      this.#board.show({ kind: "downloading", what, bytes, totalBytes });
    };
    progress(0);
    return progress;
  }

  /** Shows a pause as long as it lasts. */
  async #gate(): Promise<void> {
    if (this.#controls.paused) {
      const before = this.#board.status;
      this.#board.show({ kind: "paused", round: this.#round });
      await this.#controls.gate();
      this.#board.show(before);
    }
    await this.#controls.gate();
  }

  /** The last status: what there is to say of how the campaign ended. */
  async #ended(client: CoordinatorClient): Promise<ParticipantStatus> {
    const outcome = await this.#retry((signal) => client.outcome(signal));
    const { round, state } = outcome;
    return { kind: "finished", state, round, detail: outcomeText(outcome) };
  }

  /** What to show when this stopped it: the outcome, where it is that the campaign ended meanwhile. */
  async #endedUnder(error: unknown): Promise<ParticipantStatus> {
    const isEnd = error instanceof ProtocolError && error.code === "campaign-ended";
    if (!isEnd || this.#client === undefined) return failureOf(error);
    try {
      return await this.#ended(this.#client);
    } catch (closed) {
      return failureOf(closed);
    }
  }

  #clientWith(token: CoordinatorClientOptions["token"]): CoordinatorClient {
    const { clock, fetch } = this.#ports;
    return new CoordinatorClient({
      origin: this.#link.origin,
      token,
      fetch,
      clock,
      onTraffic: (bytes) => this.#board.addTraffic(bytes),
    });
  }

  #retry<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return retrying(() => work(this.#controls.signal), this.#retryOptions());
  }

  #retryOptions(): RetryOptions {
    const { clock, random } = this.#ports;
    const onRetry = ({ delayMs, error, tries }: Retry): void => {
      // A kept-open connection that the other side closed meanwhile fails once, every round.
      if (tries === 1 && error instanceof ConnectionError && error.kind === "unreachable") return;
      const seconds = Math.max(1, Math.round(delayMs / 1000));
      const detail = `${error.message}; next try in ${seconds} s`;
      this.#board.show({ kind: "waiting", reason: "connection-lost", round: this.#round, detail });
    };
    return { clock, random, signal: this.#controls.signal, onRetry };
  }

  #blobOptions(client: CoordinatorClient): BlobFetchOptions {
    return { ...this.#retryOptions(), client, cache: this.#ports.blobs };
  }
}

/** What the loop works with once the campaign was verified. */
interface Session {
  readonly client: CoordinatorClient;
  readonly credential: Credential;
  readonly channel: EventChannel;
  readonly checkIns: CheckIns;
  /** With the campaign as it was verified last. */
  workplace: Workplace;
}
