import { batch, computed, effect, signal } from "@preact/signals";
import { proxy, wrap, type Remote } from "comlink";
import { BACKEND_CHOICES, type BackendChoice } from "../../engine/backends.ts";
import type { ImageProgress } from "../../images/image-set-builder.ts";
import { preparationFor } from "../../images/prepare-image.ts";
import type { PickedFile } from "../../images/load-browser.ts";
import { failureOf } from "../../participant/failure.ts";
import { parseInviteUrl, type InviteLink } from "../../participant/wire/invite-url.ts";
import { isOver, type ParticipantStatus } from "../../participant/status.ts";
import { NO_TOTALS, type ParticipantTotals } from "../../participant/totals.ts";
import type {
  DeviceReport,
  ImportReport,
  TrainingWorkerApi,
} from "../../worker/training-worker.ts";
import { fetchOffer, type Offer } from "./offer.ts";
import { browserIdentities } from "./browser-identities.ts";

type OfferState =
  | { readonly kind: "loading"; readonly detail: string | null }
  | { readonly kind: "ready"; readonly offer: Offer }
  | { readonly kind: "refused"; readonly message: string; readonly hint: string };

type ImagesState =
  | { readonly kind: "none" }
  | { readonly kind: "reading"; readonly progress: ImageProgress | null }
  | { readonly kind: "ready"; readonly report: ImportReport }
  | { readonly kind: "refused"; readonly message: string };

type DeviceState =
  | { readonly kind: "opening" }
  | { readonly kind: "ready"; readonly report: DeviceReport }
  | { readonly kind: "refused"; readonly message: string };

/** Files given to the worker at a time: thousands at once would keep the page from answering for seconds. */
const HANDED_AT_ONCE = 50;

/** Points of the loss curve that are kept. */
const LOSSES_KEPT = 400;

/**
 * The page's state and what can be done to it: one contribution to one campaign, from the invite to
 * the thanks. All work happens in the worker.
 */
export class Contribution {
  readonly offer = signal<OfferState>({ kind: "loading", detail: null });
  readonly images = signal<ImagesState>({ kind: "none" });
  readonly device = signal<DeviceState>({ kind: "opening" });
  readonly backend = signal<BackendChoice>("auto");
  readonly consent = signal(false);
  /** Undefined before the first start. */
  readonly status = signal<ParticipantStatus | undefined>(undefined);
  readonly totals = signal<ParticipantTotals>(NO_TOTALS);
  readonly losses = signal<readonly number[]>([]);
  /** Share of the round's local steps that are done. */
  readonly stepShare = signal(0);
  /** What was asked for and is not shown by the status yet. */
  readonly leaving = signal(false);

  readonly running = computed(() => {
    const status = this.status.value;
    return status !== undefined && !isOver(status);
  });

  /** What is still to be done before contributing; empty when nothing is. */
  readonly missing = computed(() => {
    const missing: string[] = [];
    if (this.images.value.kind !== "ready") missing.push("choose images");
    if (!this.consent.value) missing.push("confirm what is sent");
    if (this.device.value.kind !== "ready") missing.push("wait for a device that can train");
    return missing;
  });

  readonly #invite: string;
  readonly #identities = browserIdentities();
  readonly #worker: Remote<TrainingWorkerApi>;
  #imports = 0;
  #openings = 0;

  /** @param url the page's own address: the invite, and perhaps `?backend=`. */
  constructor(url: URL) {
    const asked = url.searchParams.get("backend");
    this.backend.value = BACKEND_CHOICES.find((choice) => choice === asked) ?? "auto";
    this.#invite = `${url.origin}${url.pathname}${url.hash}`;
    this.#worker = wrap<TrainingWorkerApi>(
      new Worker(new URL("../../worker/training-worker.ts", import.meta.url), { type: "module" }),
    );
    this.#loadOffer().catch((error: unknown) => this.#refuseOffer(error));
    effect(() => {
      this.#openDevice(this.backend.value).catch(() => undefined);
    });
  }

  async importImages(picked: readonly PickedFile[]): Promise<void> {
    const offer = this.offer.value;
    if (offer.kind !== "ready" || picked.length === 0) return;
    const turn = ++this.#imports;
    const show = (state: ImagesState): void => {
      if (turn === this.#imports) this.images.value = state;
    };
    show({ kind: "reading", progress: null });
    try {
      const onProgress = proxy((progress: ImageProgress): void => {
        if (this.images.value.kind === "reading") show({ kind: "reading", progress });
      });
      const { inputShape, preparation: how } = offer.offer;
      const preparation = preparationFor(inputShape, how);
      await this.#worker.beginImport();
      for (let from = 0; from < picked.length; from += HANDED_AT_ONCE) {
        if (turn !== this.#imports) return;
        await this.#worker.takeFiles(picked.slice(from, from + HANDED_AT_ONCE));
      }
      if (turn !== this.#imports) return;
      const report = await this.#worker.importImages(preparation, onProgress);
      show({ kind: "ready", report });
    } catch (error) {
      show({ kind: "refused", message: messageOf(error) });
    }
  }

  async start(): Promise<void> {
    if (this.running.value || this.missing.value.length > 0) return;
    batch(() => {
      this.status.value = { kind: "joining" };
      this.totals.value = NO_TOTALS;
      this.losses.value = [];
      this.leaving.value = false;
    });
    const onStatus = proxy((status: ParticipantStatus, totals: ParticipantTotals): void =>
      this.#show(status, totals),
    );
    try {
      await this.#worker.contribute({ invite: this.#invite }, proxy(this.#identities), onStatus);
    } catch (error) {
      this.status.value = failureOf(error);
    }
  }

  /** The person's word on pictures that do not fit. */
  answerMisfit(answer: "go-on" | "leave"): void {
    this.#ask(this.#worker.answerMisfit(answer));
  }

  pause(): void {
    this.#ask(this.#worker.pause());
  }

  resume(): void {
    this.#ask(this.#worker.resume());
  }

  finishRound(): void {
    this.leaving.value = true;
    this.#ask(this.#worker.finishRound());
  }

  stop(): void {
    this.leaving.value = true;
    this.#ask(this.#worker.stop());
  }

  #ask(asked: Promise<void>): void {
    asked.catch((error: unknown) => {
      this.status.value = failureOf(error);
    });
  }

  #show(status: ParticipantStatus, totals: ParticipantTotals): void {
    batch(() => {
      const before = this.status.value;
      this.status.value = status;
      this.totals.value = totals;
      if (status.kind !== "training") return;
      this.stepShare.value = status.step / status.localSteps;
      if (status.loss === null) return;
      if (
        before?.kind === "training" &&
        before.round === status.round &&
        before.step === status.step
      )
        return;
      this.losses.value = [...this.losses.value, status.loss].slice(-LOSSES_KEPT);
    });
  }

  async #loadOffer(): Promise<void> {
    const link: InviteLink = parseInviteUrl(this.#invite);
    const offer = await fetchOffer(link, this.#identities, ({ error }) => {
      this.offer.value = { kind: "loading", detail: `${error.message}; trying again` };
    });
    this.offer.value = { kind: "ready", offer };
  }

  #refuseOffer(error: unknown): void {
    const { hint, message } = failureOf(error);
    this.offer.value = { kind: "refused", message, hint };
  }

  async #openDevice(backend: BackendChoice): Promise<void> {
    const turn = ++this.#openings;
    const show = (state: DeviceState): void => {
      if (turn === this.#openings) this.device.value = state;
    };
    show({ kind: "opening" });
    try {
      show({ kind: "ready", report: await this.#worker.openDevice(backend) });
    } catch (error) {
      show({ kind: "refused", message: messageOf(error) });
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
