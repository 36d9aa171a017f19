import { expose, type ProxyMarked, type Remote } from "comlink";
import { closeImages, type ImageSet } from "../images/image-set.ts";
import type { Preparation } from "../images/prepare-image.ts";
import type { BackendChoice } from "../engine/backends.ts";
import { browserEnvironment } from "../engine/opening/browser-environment.ts";
import type { BackendName, Engine } from "../engine/engine.ts";
import { openEngine, type BackendTrial } from "../engine/opening/open-engine.ts";
import type { ImageProgress } from "../images/image-set-builder.ts";
import { loadFiles, type PickedFile } from "../images/load-browser.ts";
import { summariseSkipped, type SkippedSummary } from "../images/skipped.ts";
import { engineTrainers } from "../participant/open-engine-trainer.ts";
import type { IdentityStore } from "../participant/wire/identity.ts";
import { parseInviteUrl } from "../participant/wire/invite-url.ts";
import { Participant } from "../participant/participant.ts";
import { isOver, type ParticipantStatus } from "../participant/status.ts";
import type { ParticipantTotals } from "../participant/totals.ts";
import { openBlobCache } from "./cache-storage.ts";
import { eachOrLatest } from "./each-or-latest.ts";

/** A bar that moves ten times a second moves smoothly. */
const SHOW_EVERY_MS = 100;

/** What an import came to. */
export interface ImportReport {
  readonly count: number;
  readonly skipped: SkippedSummary;
}

/** The device that will train. */
export interface DeviceReport {
  readonly backend: BackendName;
  readonly adapter: string;
  /** What `auto` tried. */
  readonly trials: readonly BackendTrial[];
}

export interface ContributeOptions {
  readonly invite: string;
}

type StatusListener = (status: ParticipantStatus, totals: ParticipantTotals) => void;

/**
 * What runs beside the page, so that a hidden tab goes on at full speed: images, device and the
 * participant itself. The page sees progress only.
 */
class TrainingWorker {
  #images: ImageSet | undefined;
  #picked: PickedFile[] = [];
  #importing: AbortController | undefined;
  #engine: Engine | undefined;
  #opening: Promise<DeviceReport> | undefined;
  #participant: Participant | undefined;
  #answerMisfit: ((answer: "go-on" | "leave") => void) | undefined;

  /** Ends the import that there is: files for another one follow. */
  beginImport(): void {
    this.#importing?.abort(new Error("other files were picked"));
    this.#picked = [];
  }

  /** Some of the files that {@link importImages} is to read, in any order. */
  takeFiles(some: readonly PickedFile[]): void {
    this.#picked.push(...some);
  }

  /** Reads the files that were taken since {@link beginImport}. */
  async importImages(
    preparation: Preparation,
    onProgress: ((progress: ImageProgress) => void) & ProxyMarked,
  ): Promise<ImportReport> {
    const [picked, before] = [this.#picked, this.#images];
    const { signal } = (this.#importing = new AbortController());
    this.#images = undefined;
    if (before !== undefined) await closeImages(before);
    signal.throwIfAborted();
    const tell = eachOrLatest(SHOW_EVERY_MS, onProgress);
    const images = await loadFiles(picked, preparation, { signal, onProgress: tell });
    if (signal.aborted) await closeImages(images);
    signal.throwIfAborted();
    this.#images = images;
    return { count: images.count, skipped: summariseSkipped(images.skipped) };
  }

  /** Opens the device, closing one opened before; calls wait for each other. */
  openDevice(backend: BackendChoice): Promise<DeviceReport> {
    const before = this.#opening;
    const opening = (async () => {
      await before?.catch(() => undefined);
      return this.#open(backend);
    })();
    this.#opening = opening;
    return opening;
  }

  async #open(backend: BackendChoice): Promise<DeviceReport> {
    await this.#engine?.close();
    this.#engine = undefined;
    const trials: BackendTrial[] = [];
    const onTrial = (trial: BackendTrial): void => void trials.push(trial);
    this.#engine = await openEngine({ backend, environment: browserEnvironment(), onTrial });
    const { adapter, backend: opened } = this.#engine;
    return { backend: opened, adapter, trials };
  }

  /**
   * Takes part until the campaign ends or it is told to leave. What goes wrong is told as a status.
   */
  async contribute(
    { invite }: ContributeOptions,
    identities: Remote<IdentityStore & ProxyMarked>,
    onStatus: StatusListener & ProxyMarked,
  ): Promise<void> {
    if (this.#engine === undefined || this.#images === undefined) {
      throw new Error("images and a device come before contributing");
    }
    const { campaign } = parseInviteUrl(invite);
    const blobs = await openBlobCache(campaign);
    const participant = new Participant({
      invite,
      training: engineTrainers({ engine: this.#engine, images: this.#images }),
      onMisfit: () => {
        const { promise, resolve } = Promise.withResolvers<"go-on" | "leave">();
        this.#answerMisfit = resolve;
        return promise;
      },
      ports: {
        blobs: blobs.cache,
        identities: {
          keepsBytes: false,
          load: (key) => identities.load(key),
          save: (key, identity) => identities.save(key, identity),
          forget: (key) => identities.forget(key),
        },
      },
    });
    this.#participant = participant;
    const tell = eachOrLatest<[ParticipantStatus, ParticipantTotals]>(
      SHOW_EVERY_MS,
      onStatus,
      ([status]) => (isOver(status) ? "over" : status.kind),
    );
    participant.subscribe(tell);
    // A failure was told as a status with its hint.
    await participant.run().catch(() => undefined);
    this.#participant = undefined;
    await blobs.discard();
  }

  /** The person's word on images that do not fit the model. */
  answerMisfit(answer: "go-on" | "leave"): void {
    this.#answerMisfit?.(answer);
  }

  pause(): void {
    this.#participant?.pause();
  }

  resume(): void {
    this.#participant?.resume();
  }

  finishRound(): void {
    this.#participant?.finishRound();
  }

  stop(): void {
    this.#participant?.stop();
  }
}

export type TrainingWorkerApi = TrainingWorker;

expose(new TrainingWorker());
