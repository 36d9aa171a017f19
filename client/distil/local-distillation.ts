import type { StateLayout } from "../../protocol/model/state-layout.ts";
import type { Adversary } from "../../protocol/round/adversary.ts";
import type { Regularisers } from "../../protocol/round/regularisers.ts";
import type { AdversarySettings } from "../engine/adversary-settings.ts";
import type { Session, StepResult, VelocityAtLoad } from "../engine/engine.ts";
import { placedBatch, readCropped, type Augmentation } from "./augment.ts";
import type { ShuffledBatches } from "./batches.ts";
import type { ImageSet } from "../images/image-set.ts";
import { meanDivergence } from "./mean-divergence.ts";
import type { Normalisation } from "./normalise.ts";
import type { Insistence } from "./insistence.ts";
import { drawField, drawPattern } from "./pattern.ts";
import { drawRestart, engineAdversary } from "./perturbation.ts";
import { engineRegularisers } from "./regularisers.ts";
import type { LocalOptimizer } from "../../protocol/round/local-optimizer.ts";
import type { RandomStream } from "../../protocol/random/random-stream.ts";
import {
  learningRateAt,
  temperatureAt,
  warmUpAt,
  type TemperatureRange,
} from "../../protocol/round/schedule.ts";
import type { Weaknesses } from "./weaknesses.ts";

/** Settings of a campaign that local distillation follows. */
export interface DistillationSettings extends Regularisers, Omit<LocalOptimizer, "optimizer"> {
  /** K */
  readonly localSteps: number;
  readonly batchSize: number;
  readonly temperature: TemperatureRange;
  readonly augmentation: Augmentation;
  readonly normalisation: Normalisation;
  /** Adversarial consistency beside distillation (SPEC D9); null without. */
  readonly adversary: Adversary | null;
}

/** What a participant works with; batches and random stream live on from round to round. */
export interface LocalResources {
  readonly session: Session;
  readonly layout: StateLayout;
  readonly images: ImageSet;
  readonly batches: ShuffledBatches;
  readonly random: RandomStream;
  /** Undefined where copies always weigh alike. */
  readonly insistence?: Insistence | null | undefined;
}

/** One round's part of a participant. */
export interface LocalAssignment {
  /** The round's student, whole state vector. */
  readonly student: Float32Array;
  /** Steps taken in earlier rounds of the leg. */
  readonly startStep: number;
  /** Steps of the whole leg. */
  readonly totalSteps: number;
  /** Steps to take, 1 … K: the first so many of the round's (SPEC D8). */
  readonly localSteps: number;
  /** What becomes of the velocity that the session has from the round before (SPEC D3). */
  readonly velocity: VelocityAtLoad;
  /** What misleads the teacher, as far as the campaign wants it (SPEC D9). */
  readonly weaknesses: Weaknesses;
}

/**
 * Results are asked for no sooner than this after the last time: each asking waits until the device
 * has caught up, and a fast one then idles; for a person who watches, once a second is enough.
 */
const RESULTS_EVERY_MS = 1000;

export interface StepProgress extends StepResult {
  /** Local steps done, of the assignment's `localSteps`. */
  readonly step: number;
  readonly localSteps: number;
  /** Images used so far in this assignment, perturbed copies not counted. */
  readonly examples: number;
  /** Wall time from its start until this was known, pauses included. */
  readonly seconds: number;
  /** Whether it is the last step of which anything is known yet; the others are told in a row. */
  readonly isNewest: boolean;
}

export interface LocalHooks {
  /** Told of every step, in order, about once a second of all that were done meanwhile. */
  readonly onProgress?: (progress: StepProgress) => void;
  /** Checked before every step; its reason is thrown. */
  readonly signal?: AbortSignal;
  /** Awaited before every step: a host pauses distillation by not resolving it. */
  readonly beforeStep?: (step: number) => Promise<void> | void;
  /** Milliseconds, ascending; defaults to `performance.now`. */
  readonly now?: () => number;
}

export interface LocalUpdate {
  /** Over the whole state vector, as SPEC D4 defines it. */
  readonly update: Float32Array<ArrayBuffer>;
  /** Mean over the steps, nats. */
  readonly loss: number;
  /** Share of the images used on which teacher and student gave the same class. */
  readonly agreement: number;
  /** Images used, repeats counted: the update's weight. */
  readonly examples: number;
  readonly seconds: number;
}

/**
 * The local steps of one assignment, from the round's student to an update (SPEC D1 to D11).
 *
 * K > 1: θ_round − θ_local. K = 1: the gradient with weight decay for trainable values, since a
 * step's length is then the coordinator's to choose. Running statistics are r_round − r_local in
 * both cases. K is the campaign's: fewer steps in an assignment change nothing of this.
 *
 * @throws RangeError when the assignment has more steps than a round of the campaign; EngineError from the session; the signal's reason when it aborts.
 *
 * @example
 * const { update, loss } = await distilLocally(resources, assignment, settings, {
 *   onProgress: ({ step, loss }) => console.log(step, loss),
 * });
 */
export async function distilLocally(
  resources: LocalResources,
  assignment: LocalAssignment,
  settings: DistillationSettings,
  hooks: LocalHooks = {},
): Promise<LocalUpdate> {
  const { session, layout, images, batches, random } = resources;
  const { student, startStep, totalSteps, localSteps, velocity } = assignment;
  const { batchSize, momentum, secondMomentum, weightDecay } = settings;
  if (!(localSteps >= 1 && localSteps <= settings.localSteps)) {
    throw new RangeError(
      `an assignment of ${localSteps} steps in a campaign of ${settings.localSteps} a round`,
    );
  }
  const now = hooks.now ?? (() => performance.now());
  const started = now();
  const seconds = (): number => (now() - started) / 1000;
  let gradient: Float32Array | undefined;
  let loss = 0;
  let agreement = 0;
  let told = 0;

  const tell = (results: readonly StepResult[]): void => {
    const known = told + results.length;
    const elapsed = seconds();
    for (const result of results) {
      told++;
      loss += result.loss;
      agreement += result.agreement;
      hooks.onProgress?.({
        loss: result.loss,
        agreement: result.agreement,
        step: told,
        localSteps,
        examples: told * batchSize,
        seconds: elapsed,
        isNewest: told === known,
      });
    }
  };

  session.load(student, velocity);
  const { fought, weaknesses } = await foughtIn(resources, assignment, settings, hooks);
  const beside = engineRegularisers(settings);
  const plain = fought ? engineAdversary(fought, images) : undefined;
  /** The step's adversary: its pattern, and a fresh perturbation where the schedule wants one (SPEC D9). */
  const adversaryAt = (legStep: number, isFresh: boolean): AdversarySettings | undefined => {
    if (!plain || !fought) return undefined;
    const { restartEvery } = fought;
    const restarts = plain.scope === "universal" && (isFresh || legStep % restartEvery === 0);
    const restart = restarts ? drawRestart(images, plain, random) : undefined;
    const pattern = drawPattern(images, fought, weaknesses, random);
    const field = drawField(fought, weaknesses, random);
    return { ...plain, restart, pattern, field };
  };

  /** The next step's images, read while a step is under way. Which ones is drawn after all else of it. */
  const readAhead = (): Promise<Uint8Array> => {
    const indices = batches.next(batchSize);
    const reading = readCropped(images, indices, settings.augmentation, random);
    // What goes wrong is told where they are wanted, unless it never comes to that.
    reading.catch(() => undefined);
    return reading;
  };

  let asked = started;
  let ahead: Promise<Uint8Array> | undefined;
  for (let step = 0; step < localSteps; step++) {
    await hooks.beforeStep?.(step);
    hooks.signal?.throwIfAborted();
    const { augmentation, normalisation } = settings;
    const pixels = await (ahead ?? readAhead());
    const batch = placedBatch(images, pixels, normalisation, augmentation, random);
    const progress = { step: startStep + step, totalSteps };
    const temperature = temperatureAt(progress, settings.temperature);
    const common = { temperature, weightDecay, ...beside };
    const learningRate =
      warmUpAt(progress, settings.warmUp) * learningRateAt(progress, settings.learningRate);
    const isFresh = step === 0 && velocity === "restart";
    const adversary = adversaryAt(progress.step, isFresh);
    ahead = step + 1 < localSteps ? readAhead() : undefined;
    if (settings.localSteps === 1) {
      const result = await session.gradient(batch, { ...common, adversary });
      gradient = result.gradient;
      tell([result]);
      continue;
    }
    const rates = { learningRate, momentum, secondMomentum };
    await session.step(batch, { ...common, ...rates, adversary });
    // The last step's result comes with the state.
    if (step === localSteps - 1 || now() - asked <= RESULTS_EVERY_MS) continue;
    tell(await session.results());
    asked = now();
  }

  hooks.signal?.throwIfAborted();
  const { state: local, results } = await session.read();
  tell(results);
  hooks.signal?.throwIfAborted();
  const update = new Float32Array(layout.length);
  for (let i = 0; i < layout.length; i++) update[i] = student[i]! - local[i]!;
  if (gradient) update.set(gradient);
  return {
    update,
    loss: meanDivergence(loss, localSteps),
    agreement: agreement / localSteps,
    examples: localSteps * batchSize,
    seconds: seconds(),
  };
}

/**
 * What a round trains against, and how much that counts. A leg begins with its teacher, or with a student
 * that has lost what it followed: of that one nothing is asked.
 */
async function foughtIn(
  { insistence }: LocalResources,
  { startStep, weaknesses }: LocalAssignment,
  { adversary }: DistillationSettings,
  { beforeStep, signal }: LocalHooks,
): Promise<{ readonly fought: Adversary | null; readonly weaknesses: Weaknesses }> {
  if (!adversary || !insistence || startStep === 0) return { fought: adversary, weaknesses };
  const beforeBatch = (): Promise<void> | void => beforeStep?.(0);
  const insisted = await insistence.ask(weaknesses, { beforeBatch, ...(signal && { signal }) });
  return {
    fought: { ...adversary, weight: insisted.weight },
    weaknesses: insisted.weaknesses,
  };
}
