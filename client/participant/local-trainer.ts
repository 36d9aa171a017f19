import type { Graph } from "../../protocol/model/graph.ts";
import type { Reading } from "../../protocol/model/readings.ts";
import type { StateLayout } from "../../protocol/model/state-layout.ts";
import type { Assignment } from "../../protocol/round/assignment.ts";
import type { CampaignConfig } from "../../protocol/round/campaign-config.ts";
import type { Comparison } from "../../protocol/round/trial/examination.ts";
import type { Fit } from "../../protocol/round/fit.ts";
import type { Preparation } from "../images/prepare-image.ts";
import type { Scores } from "../../protocol/round/judging.ts";

/**
 * Opens a trainer for a campaign: the seam between the participant's loop and what trains. The loop
 * knows rounds and uploads, this knows images and devices.
 */
export interface TrainerSource {
  /** For people and reports: the device in use. */
  readonly device: string;
  /**
   * Makes images for a model of what pictures there are, before the participant enrols; may be left out.
   *
   * @throws ImageError when there is nothing to train on.
   */
  prepare?(preparation: Preparation): Promise<void>;
  /**
   * Whether the device has the memory for a campaign's steps, asked before the teacher's weights are
   * fetched; may be left out.
   *
   * @throws EngineError `too-large`, with the figures.
   */
  requireRoom?(campaign: Pick<TrainingCampaign, "config" | "graph" | "layout">): Promise<void>;
  /** Puts the teacher on the device. */
  open(campaign: TrainingCampaign): Promise<LocalTrainer>;
}

export interface TrainingCampaign {
  readonly graph: Graph;
  readonly layout: StateLayout;
  /** The teacher's state vector. */
  readonly teacher: Float32Array;
  /** What the teacher's tensors may be besides. */
  readonly readings: readonly Reading[];
  readonly config: CampaignConfig;
  /** Digest of the statistics with which it began, where it did and they are there (SPEC B6). */
  readonly pooledStatistics: string | null;
}

export interface LocalTrainer {
  /**
   * What the teacher makes of the participant's own images (SPEC F1). Comes before all else: it needs
   * no student.
   *
   * @returns null where the campaign does not ask for it, or the images are too few to tell.
   * @throws the signal's reason when it aborts, between batches.
   */
  measureFit(work: FitWork): Promise<Fit | null>;
  /**
   * Looks whether own images bear one small thing that leads the teacher, and sets such aside: they are
   * neither trained on nor scored with (SPEC D12). Comes before any of that; once is enough.
   *
   * @returns how many were set aside, of how many.
   * @throws the signal's reason when it aborts, between batches.
   */
  screenImages(work: SearchWork): Promise<ScreenedImages>;
  /**
   * How fast this device takes the campaign's local steps, images per second: a benchmark of a few
   * seconds that leaves no trace in what `train` does, save that momentum starts anew.
   *
   * @throws the signal's reason when it aborts, between steps.
   */
  measure(hooks: MeasureHooks): Promise<number>;
  /**
   * Seeks what local steps train against, where the campaign wants it (SPEC D9): once is enough, and
   * what was done of it before the signal aborted stays. Comes before the first `train`, outside of any
   * round: it needs the teacher alone, and may take a slow device longer than a round has time.
   *
   * @throws the signal's reason when it aborts, between batches.
   */
  seekWeaknesses(work: SearchWork): Promise<void>;
  /**
   * Scores the round's student on images that are held out from training: at every radius in a
   * judging round, else as far as the campaign watches (SPEC J2). Comes before the round's `train`
   * and changes nothing of it.
   *
   * @returns null where too few images are there to hold any out.
   * @throws the signal's reason when it aborts, between batches.
   */
  score(work: ScoringWork): Promise<Scores | null>;
  /**
   * Looks at what a round came to beside the student that it began with (SPEC K3). What was seen of a student
   * is kept for the round that begins with it, and nothing that is drawn or trained changes.
   *
   * @returns null where too few images are there to hold any out.
   * @throws the signal's reason when it aborts, between batches; what fetching throws.
   */
  compare(work: TrialWork): Promise<Comparison | null>;
  /**
   * Means and variances of what the teacher's batch norms read on the participant's own images, without
   * augmentation (SPEC B2). The same each time, so that asking again tells nothing more.
   *
   * @returns null where it has too few images (SPEC B3).
   * @throws the signal's reason when it aborts, between batches.
   */
  measureStatistics(work: StatisticsWork): Promise<MeasuredStatistics | null>;
  /**
   * Takes the round's local steps from `student` on.
   *
   * @throws the signal's reason when it aborts, between steps.
   */
  train(work: LocalWork): Promise<LocalResult>;
  /**
   * Which of the two models gives answers that are not finite, on some of the participant's images: asked
   * after losses or answers were not. The round's velocity is lost.
   */
  examine(student: Float32Array<ArrayBuffer>): Promise<"neither" | "student" | "teacher">;
  close(): void;
}

interface MeasureHooks {
  readonly signal: AbortSignal;
  /** Awaited now and then between steps, off the clock: the device idles until it resolves. */
  readonly beforeRun: () => Promise<void>;
}

export interface FitWork {
  readonly signal: AbortSignal;
  /** Awaited before every batch of images: the device idles until it resolves. */
  readonly beforeBatch: () => Promise<void>;
}

export interface ScreenedImages {
  readonly images: number;
  readonly setAside: number;
}

export interface SearchWork {
  readonly signal: AbortSignal;
  /** Awaited before every batch of images: the device idles until it resolves. */
  readonly beforeBatch: () => Promise<void>;
  /** Told of every search done, of how many; never where there is nothing left to seek. */
  readonly onSearch: (done: number, total: number) => void;
}

export interface StatisticsWork {
  readonly signal: AbortSignal;
  /** Awaited before every batch of images: the device idles until it resolves. */
  readonly beforeBatch: () => Promise<void>;
  /** Told of the images measured so far, and how many there will be. */
  readonly onImages: (done: number, total: number) => void;
}

export interface MeasuredStatistics {
  /** Values [layout.trainableLength, layout.length) of a state vector. */
  readonly statistics: Float32Array;
  readonly images: number;
}

/** A student that is fetched only if it was not looked at before. */
interface NamedStudent {
  /** Tells it from others. */
  readonly name: string;
  readonly fetch: () => Promise<Float32Array<ArrayBuffer>>;
}

interface TrialWork {
  readonly round: number;
  readonly candidate: NamedStudent;
  readonly last: NamedStudent;
  readonly signal: AbortSignal;
  /** Awaited before every batch of images: the device idles until it resolves. */
  readonly beforeBatch: () => Promise<void>;
  /** Told of every pass over the held-out images, of how many at most. */
  readonly onPass: (done: number, total: number) => void;
}

interface StudentWork extends Pick<Assignment, "round" | "leg"> {
  /** The round's state vector. */
  readonly student: Float32Array<ArrayBuffer>;
  readonly signal: AbortSignal;
}

interface ScoringWork extends StudentWork {
  /** Of the student: one that was tried under it is not looked at again. */
  readonly name?: string;
  readonly isJudging: boolean;
  /** Awaited before every batch of images: the device idles until it resolves. */
  readonly beforeBatch: () => Promise<void>;
  /** Told of every pass over the held-out images, of how many at most. */
  readonly onPass: (done: number, total: number) => void;
}

interface LocalWork extends StudentWork {
  /** Schedules run on these (SPEC D2). */
  readonly startStep: number;
  readonly totalSteps: number;
  /** Steps to take: the first so many of the round's (SPEC D8). */
  readonly localSteps: number;
  /** Awaited before every step: the device idles until it resolves. */
  readonly beforeStep: () => Promise<void>;
  /** Told of the newest step done, not of each where the device is faster than it is asked. */
  readonly onStep: (step: LocalStep) => void;
}

interface LocalStep {
  /** Steps done. */
  readonly step: number;
  readonly loss: number;
  /** Images since the last time it was told. */
  readonly images: number;
}

export interface LocalResult {
  /** What the steps changed, in the sign of SPEC D4. */
  readonly update: Float32Array<ArrayBuffer>;
  readonly examples: number;
  /** Means over the steps. */
  readonly loss: number;
  readonly agreement: number;
}
