import type { PixelBatch, Session, StepResult } from "../engine/engine.ts";
import { scheduledRate, type TrainingSchedule } from "./training-schedule.ts";

/** Images of a step and what they are to be answered with. */
export interface LabelledBatch {
  readonly batch: PixelBatch;
  readonly labels: ArrayLike<number>;
}

export interface SupervisedTraining {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly classes: number;
  /** Peak of the schedule. */
  readonly learningRate: number;
  readonly schedule: TrainingSchedule;
  readonly momentum: number;
  readonly weightDecay: number;
  /**
   * Epochs between two checkpoints, at which the velocity begins anew: a session does not hand it
   * out, and a training that goes on from a checkpoint must do what an undisturbed one does.
   * Without checkpoints when left out.
   */
  readonly checkpointEvery?: number;
  /** The step's images; called once a step, in order. */
  nextBatch(epoch: number, step: number): LabelledBatch | Promise<LabelledBatch>;
}

/** Where a training begins, or goes on. */
export interface TrainingStart {
  /** Whole state vector. */
  readonly state: Float32Array;
  /** Epochs done before. */
  readonly epoch: number;
}

/** Means over the steps of an epoch so far. */
export interface EpochProgress {
  /** Counted from 0. */
  readonly epoch: number;
  /** Steps of which the result is known. */
  readonly steps: number;
  /** Cross-entropy, nats. */
  readonly loss: number;
  /** Share of the images answered with their label, augmented and in training mode. */
  readonly accuracy: number;
  readonly imagesPerSecond: number;
}

export interface TrainingHooks {
  /** About once a second. */
  readonly onProgress?: (progress: EpochProgress) => void;
  /** After every epoch, with the state vector it led to. */
  readonly onEpoch?: (progress: EpochProgress, state: Float32Array) => Promise<void> | void;
  /** After `onEpoch` of an epoch that ends in a checkpoint; never after the last. */
  readonly onCheckpoint?: (epochsDone: number, state: Float32Array) => Promise<void> | void;
  /** Checked before every step; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/** Each asking waits until the device has caught up; see `distilLocally`. */
const RESULTS_EVERY_MS = 1000;

/**
 * Supervised training: cross-entropy, SGD with momentum and weight decay.
 *
 * @returns the whole state vector after the last epoch.
 * @throws EngineError from the session; the signal's reason when it aborts.
 *
 * @example
 * const state = await trainSupervised(session, { state: fresh, epoch: 0 }, training, {
 *   onEpoch: ({ epoch, loss }) => console.log(epoch, loss),
 * });
 */
export async function trainSupervised(
  session: Session,
  start: TrainingStart,
  training: SupervisedTraining,
  hooks: TrainingHooks = {},
): Promise<Float32Array> {
  let { state } = start;
  session.load(state);
  for (let epoch = start.epoch; epoch < training.epochs; epoch++) {
    const trained = await trainEpoch(session, epoch, training, hooks);
    ({ state } = trained);
    await hooks.onEpoch?.(trained.progress, state);
    const done = epoch + 1;
    const { checkpointEvery, epochs } = training;
    if (checkpointEvery === undefined || done % checkpointEvery !== 0 || done === epochs) continue;
    await hooks.onCheckpoint?.(done, state);
    session.load(state);
  }
  return state;
}

async function trainEpoch(
  session: Session,
  epoch: number,
  training: SupervisedTraining,
  { onProgress, signal }: TrainingHooks,
): Promise<{ state: Float32Array; progress: EpochProgress }> {
  const { classes, learningRate, momentum, schedule, stepsPerEpoch, weightDecay } = training;
  const began = performance.now();
  let asked = began;
  let images = 0;
  const known: StepResult[] = [];
  const progress = (): EpochProgress => ({
    epoch,
    steps: known.length,
    loss: mean(known.map(({ loss }) => loss)),
    accuracy: mean(known.map(({ agreement }) => agreement)),
    imagesPerSecond: (1000 * images) / (performance.now() - began),
  });
  for (let step = 0; step < stepsPerEpoch; step++) {
    signal?.throwIfAborted();
    const { batch, labels } = await training.nextBatch(epoch, step);
    const rate = scheduledRate(schedule, learningRate, epoch * stepsPerEpoch + step, training);
    await session.superviseStep(batch, oneHot(labels, classes), {
      learningRate: rate,
      momentum,
      weightDecay,
    });
    images += batch.size;
    // The last step's result comes with the state.
    if (step === stepsPerEpoch - 1 || performance.now() - asked < RESULTS_EVERY_MS) continue;
    known.push(...(await session.results()));
    asked = performance.now();
    onProgress?.(progress());
  }
  const { state, results } = await session.read();
  known.push(...results);
  return { state, progress: progress() };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** `[N, classes]`, 1 at the label. */
function oneHot(labels: ArrayLike<number>, classes: number): Float32Array {
  const targets = new Float32Array(labels.length * classes);
  for (let row = 0; row < labels.length; row++) targets[row * classes + labels[row]!] = 1;
  return targets;
}
