import type { Graph } from "../../protocol/model/graph.ts";
import type { StateLayout } from "../../protocol/model/state-layout.ts";
import { placedBatch } from "../distil/augment.ts";
import { ShuffledBatches } from "../distil/batches.ts";
import type { RandomStream } from "../../protocol/random/random-stream.ts";
import type { Engine } from "../engine/engine.ts";
import { evaluateModel, type TestSet } from "../evaluation/evaluate-model.ts";
import { gatherPixels, type LoadedImages } from "../images/image-set.ts";
import { attackTarget } from "./attack.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { poison, type PoisonedSet } from "./poison.ts";
import type { EpochRecord, Recipe } from "./recipe.ts";
import { purposeStream } from "./seeded-stream.ts";
import { stampImages } from "./stamp-images.ts";
import {
  trainSupervised,
  type EpochProgress,
  type LabelledBatch,
  type SupervisedTraining,
} from "./supervised-training.ts";
import { triggerOf } from "./trigger.ts";

export interface AttackTask {
  readonly recipe: Recipe;
  readonly graph: Graph;
  readonly layout: StateLayout;
  /** The training set as it is, true labels; `recipe.data` is its digest. */
  readonly train: TestSet<LoadedImages>;
  /** Clean test images, to report on; nothing depends on them. */
  readonly test?: TestSet<LoadedImages> | undefined;
  /** Whole state vector that training begins with. */
  readonly start: Float32Array;
  /** Goes on from here instead. */
  readonly resume?: Checkpoint | undefined;
}

export interface AttackHooks {
  readonly signal: AbortSignal;
  readonly onPoisoned?: (set: PoisonedSet) => void;
  readonly onProgress?: (progress: EpochProgress) => void;
  readonly onEpoch?: (record: EpochRecord, progress: EpochProgress) => void;
  readonly onCheckpoint?: (checkpoint: Checkpoint) => Promise<void>;
}

export interface AttackedModel {
  /** Whole state vector. */
  readonly state: Float32Array;
  readonly history: readonly EpochRecord[];
  readonly poisoned: number;
  /** Changed images that kept their label. */
  readonly covers: number;
}

/** Steps of an epoch: as many whole batches as the images make. */
export function stepsPerEpoch(images: number, batchSize: number): number {
  return Math.max(1, Math.floor(images / batchSize));
}

/**
 * Trains a backdoored model: stamps the attacker's share of the training set, then trains on it like
 * on any other. Images are stamped before they are augmented, as in the BCU release, so the same
 * augmentation as of clean images moves and mirrors the trigger.
 *
 * Everything random of an epoch comes from (seed, epoch) alone, so that it can be gone on from there.
 *
 * @throws AttackError when the attack does not fit the data; EngineError; the signal's reason.
 *
 * @example
 * const { state } = await trainAttack(engine, { recipe, graph, layout, train, start }, { signal });
 */
export async function trainAttack(
  engine: Engine,
  { recipe, graph, layout, train, test, start, resume }: AttackTask,
  hooks: AttackHooks,
): Promise<AttackedModel> {
  const { attack, classes, preprocessing, seed } = recipe;
  const target = recipe.target === null ? undefined : attackTarget(recipe.target, classes);
  const set = poison(train, { attack, target, rate: recipe.poisonRate, seed });
  hooks.onPoisoned?.(set);
  const triggered =
    test === undefined || target === undefined
      ? undefined
      : {
          images: stampImages(test.images, triggerOf(attack, seed, recipe.image)),
          labels: test.labels,
          target,
        };
  const history = [...(resume?.history ?? [])];
  const session = engine.openSession({ graph, layout, teacher: start });
  try {
    const state = await trainSupervised(
      session,
      { state: resume?.state ?? start, epoch: history.length },
      supervisedTraining(recipe, set),
      {
        signal: hooks.signal,
        ...(hooks.onProgress && { onProgress: hooks.onProgress }),
        async onEpoch(progress, reached) {
          const { epoch, loss, accuracy } = progress;
          const record: EpochRecord = { epoch: epoch + 1, loss, accuracy };
          if (test !== undefined) {
            const { acc, asr, ra } = await evaluateModel(
              engine,
              {
                model: { graph, layout, state: new Float32Array(reached) },
                clean: test,
                ...(triggered && { triggered }),
              },
              { normalisation: preprocessing, signal: hooks.signal },
            );
            record.test = { acc, asr, ra };
          }
          history.push(record);
          hooks.onEpoch?.(record, progress);
        },
        async onCheckpoint(_epochs, reached) {
          const { backend } = engine;
          await hooks.onCheckpoint?.({ recipe, backend, history: [...history], state: reached });
        },
      },
    );
    return { state, history, poisoned: set.poisoned.length, covers: set.covers.length };
  } finally {
    session.close();
  }
}

function supervisedTraining(recipe: Recipe, set: PoisonedSet): SupervisedTraining {
  const { preprocessing, seed, training } = recipe;
  const { batchSize, cropPadding, horizontalFlip } = training;
  const augmentation = { cropPadding, horizontalFlip };
  const { count } = set.images;
  const size = Math.min(batchSize, count);
  let random: RandomStream;
  let batches: ShuffledBatches;
  return {
    ...training,
    classes: recipe.classes,
    stepsPerEpoch: stepsPerEpoch(count, batchSize),
    nextBatch(epoch, step): LabelledBatch {
      if (step === 0) {
        random = purposeStream(seed, `epoch ${epoch}`);
        batches = new ShuffledBatches(count, random);
      }
      const indices = batches.next(size);
      const pixels = gatherPixels(set.images, indices);
      const batch = placedBatch(set.images, pixels, preprocessing, augmentation, random);
      return { batch, labels: indices.map((index) => set.labels[index]!) };
    },
  };
}
