import type { CampaignView } from "../../protocol/round/access.ts";
import type { Receipt } from "../../protocol/round/after-end.ts";
import { fetchTeacherNetwork } from "./wire/teacher-network.ts";
import { prepareForRounds } from "./before-rounds.ts";
import { CheckIns } from "./check-ins.ts";
import { ParticipantContext } from "./context.ts";
import type { MisfitAnswer } from "./image-fit.ts";
import type { Hiding } from "./hidden-work.ts";
import { endOf, statusAfter } from "./last-status.ts";
import type { LocalTrainer, TrainerSource } from "./local-trainer.ts";
import { defaultPorts, type ParticipantPorts } from "./ports.ts";
import { OtherConfiguration, RoundLoop } from "./round-loop.ts";
import { sealerOf, type Voucher } from "./sealer.ts";
import type { ParticipantListener } from "./status-board.ts";
import type { ParticipantStatus } from "./status.ts";
import type { ParticipantTotals } from "./totals.ts";
import type { CoordinatorClient } from "./wire/coordinator-client.ts";
import type { Credential } from "./wire/credential.ts";
import { joinCampaign, type Membership } from "./wire/enrolment.ts";
import { EventChannel } from "./wire/event-channel.ts";
import { parseInviteUrl, type InviteLink } from "./wire/invite-url.ts";
import type { ToldCampaign } from "./wire/told-campaign.ts";

export interface ParticipantOptions {
  /** `<origin>/join/<campaign id>#<invite token>` */
  readonly invite: string;
  /** What trains; `engineTrainers` gives one. */
  readonly training: TrainerSource;
  /** What people see in the participants' list. */
  readonly label?: string;
  /** Vouches for this participant's key, which private campaigns ask for (SPEC M4.2). */
  readonly voucher?: Voucher;
  /**
   * Asked when the images do not look like what the model was trained on (SPEC F2); when left out, the
   * participant leaves.
   */
  readonly onMisfit?: MisfitAnswer;
  readonly ports?: Partial<ParticipantPorts>;
}

/**
 * One participant of one campaign, from the invite to the last round: enrols, checks the teacher and
 * student₀, then trains and returns an update a round until the campaign ends or it is told to leave.
 * Lost connections and coordinator restarts only cost time. Needs neither a page nor Node.
 *
 * @example
 * const engine = await openEngine({ backend: "auto" });
 * const participant = new Participant({
 *   invite: "https://scour.example/join/c-…#eyJ…",
 *   training: engineTrainers({ engine, images: (preparation) => storeImages("./photos", preparation) }),
 *   label: "kitchen laptop",
 * });
 * participant.subscribe((status, totals) => console.log(status.kind, totals.accepted));
 * const last = await participant.run(); // { kind: "finished" | "stopped", … }; rejects when it fails
 */
export class Participant {
  readonly #link: InviteLink;
  readonly #training: TrainerSource;
  readonly #label: string | undefined;
  readonly #voucher: Voucher | undefined;
  readonly #onMisfit: MisfitAnswer;
  readonly #context: ParticipantContext;
  /** What the credential opens, once there is one. */
  #client: CoordinatorClient | undefined;

  /** @throws ParticipantError `invalid-invite` when the link is not one. */
  constructor({ invite, label, onMisfit, ports, training, voucher }: ParticipantOptions) {
    this.#link = parseInviteUrl(invite);
    this.#training = training;
    this.#label = label;
    this.#voucher = voucher;
    this.#onMisfit = onMisfit ?? (() => "leave");
    this.#context = new ParticipantContext(this.#link.origin, training.device, {
      ...defaultPorts(),
      ...ports,
    });
  }

  get status(): ParticipantStatus {
    return this.#context.board.status;
  }

  get totals(): ParticipantTotals {
    return this.#context.board.totals;
  }

  /** Calls the listener now and at every change. @returns a function that ends it. */
  subscribe(listener: ParticipantListener): () => void {
    return this.#context.board.subscribe(listener);
  }

  /** Holds between steps; the device idles. The round may pass meanwhile. */
  pause(): void {
    this.#context.controls.pause();
  }

  resume(): void {
    this.#context.controls.resume();
  }

  /** Leaves once the update at hand is delivered; at once when there is none. */
  finishRound(): void {
    this.#context.controls.finishRound();
  }

  /** Leaves now; an unfinished update is lost. */
  stop(): void {
    this.#context.controls.stop();
  }

  /**
   * Takes part until the campaign ends or the participant is told to leave. To be called once.
   *
   * @returns the last status, `finished` or `stopped`.
   * @throws ProtocolError, ParticipantError, EngineError or ImageError when it cannot go on; the
   *   status is then `failed`, with a hint.
   */
  async run(): Promise<ParticipantStatus> {
    const context = this.#context;
    const { board } = context;
    try {
      for (;;) {
        const last = await this.#takePart();
        if (last !== "told-otherwise") return board.show(last);
      }
    } catch (error) {
      const last = board.show(await statusAfter(error, this.#client, context));
      if (last.kind === "failed") throw error;
      return last;
    }
  }

  /** @returns the last status, or that the configuration is told otherwise now: to be joined anew. */
  async #takePart(): Promise<ParticipantStatus | "told-otherwise"> {
    const context = this.#context;
    const ended = new AbortController();
    let trainer: LocalTrainer | undefined;
    try {
      const { credential, view } = await this.#join();
      const client = context.clientWith(credential);
      this.#client = client;
      if (view === null) return await endOf(client, context);
      const hiding = await this.#hiding(view, credential);
      await this.#requireRoom(client, view);
      const campaign = await context.verify(client, view);
      const { graph, layout, readings, teacher } = campaign;
      trainer = await this.#training.open({
        graph,
        layout,
        teacher,
        readings,
        config: view.config,
        pooledStatistics: view.statistics,
      });
      const channel = this.#listen(credential, ended.signal);
      const isSized = view.config.distillation.localSteps > 1;
      const checkIns = this.#checkIns(client, trainer, isSized);
      await prepareForRounds({ campaign, trainer, checkIns, onMisfit: this.#onMisfit }, context);
      const loop = { client, credential, context, campaign, trainer, hiding, channel, checkIns };
      return await new RoundLoop(loop).run();
    } catch (error) {
      if (error instanceof OtherConfiguration) return "told-otherwise";
      throw error;
    } finally {
      ended.abort();
      trainer?.close();
    }
  }

  /** How updates hide, where they do. @throws ParticipantError `not-vouched-for`. */
  async #hiding(
    { config: { privacy }, told }: ToldCampaign,
    { identity }: Credential,
  ): Promise<Hiding | undefined> {
    if (privacy === undefined) return undefined;
    return { privacy, told, sealer: await sealerOf(privacy, identity, this.#voucher) };
  }

  /** Before weights are fetched that the device could not work with. */
  async #requireRoom(client: CoordinatorClient, view: CampaignView): Promise<void> {
    const { config } = view;
    if (this.#training.requireRoom === undefined) return;
    const blobs = this.#context.blobOptions(client);
    const { graph, layout } = await fetchTeacherNetwork(view, blobs);
    await this.#training.requireRoom({ config, graph, layout });
  }

  /** What this participant gave to the campaign, once it has ended (SPEC A8). */
  receipt(): Promise<Receipt> {
    return this.#context.retry((signal) => this.#joined().receipt(signal));
  }

  /** The cleansed model as a file, where the organiser shares it (SPEC A9). */
  result(): Promise<Response> {
    return this.#context.retry((signal) => this.#joined().result(signal));
  }

  #joined(): CoordinatorClient {
    if (this.#client === undefined) throw new Error("this participant has not joined");
    return this.#client;
  }

  #join(): Promise<Membership> {
    const context = this.#context;
    const { identities, randomBytes } = context.ports;
    return joinCampaign({
      link: this.#link,
      label: this.#label,
      device: context.device,
      prepare: async (preparation) => await this.#training.prepare?.(preparation),
      isVouchedFor: this.#voucher !== undefined,
      randomBytes,
      identities,
      clientFor: (token) => context.clientWith(token),
      retry: context.retryOptions,
    });
  }

  #listen(credential: Credential, ended: AbortSignal): EventChannel {
    const { bell, controls, endings, ports } = this.#context;
    const { clock, random, WebSocket } = ports;
    return new EventChannel({
      origin: this.#link.origin,
      credential: () => credential.token,
      WebSocket,
      clock,
      random,
      signal: AbortSignal.any([ended, controls.signal]),
      onConnected: () => bell.ring(),
      onEvent: (event) => {
        endings.heard(event);
        bell.ring();
      },
    });
  }

  /** @param isSized whether assignments depend on how fast the device is */
  #checkIns(client: CoordinatorClient, trainer: LocalTrainer, isSized: boolean): CheckIns {
    const context = this.#context;
    const measure = (): Promise<number> => {
      context.board.show({ kind: "measuring" });
      const { signal } = context.controls;
      return trainer.measure({ signal, beforeRun: () => context.gate() });
    };
    return new CheckIns({
      backend: context.device,
      ask: (report) => context.retry((signal) => client.checkIn(report, signal)),
      measure: isSized ? measure : undefined,
    });
  }
}
