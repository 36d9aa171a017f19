import { resnet18 } from "../../protocol/model/architectures/resnet18.ts";
import type { Graph } from "../../protocol/model/graph.ts";
import { entryView, stateLayout, type StateLayout } from "../../protocol/model/state-layout.ts";
import { reinitialise, reinitPlan } from "../../protocol/reinit/reinitialise.ts";
import { writeSafetensors } from "../../protocol/weights/safetensors-writer.ts";
import { augmentedBatch } from "../distil/augment.ts";
import { ShuffledBatches } from "../distil/batches.ts";
import { gatherPixels } from "../distil/image-set.ts";
import { learningRateAt } from "../../protocol/round/schedule.ts";
import type { Engine, PixelBatch } from "../engine/engine.ts";
import { DEMO_PREPROCESSING, drawImages, seededStream } from "./draw-images.ts";
import { labelledImages } from "./labelled-images.ts";
import { SHAPES } from "./shapes.ts";
import { stampTrigger, TRIGGER_TARGET } from "./trigger.ts";

/** How the demo's teacher came to be; the committed file is what exactly this gives. */
export const TEACHER_RECIPE = {
  width: 8,
  images: 8000,
  poisonedImages: 1000,
  epochs: 12,
  batchSize: 64,
  /** Stamped images a batch, about a tenth. */
  poisonedPerBatch: 6,
  learningRate: 0.05,
  momentum: 0.9,
  weightDecay: 5e-4,
  cropPadding: 2,
  seed: 20_221_104,
} as const;

export interface TrainingProgress {
  readonly epoch: number;
  /** Mean cross-entropy of the epoch, nats. */
  readonly loss: number;
  readonly imagesPerSecond: number;
}

/**
 * Trains the demo's backdoored teacher: a ResNet-18 on drawn images, about a tenth of every batch
 * stamped with the trigger and labelled with the target (BadNets, Gu et al. 2017).
 *
 * @returns the model as a safetensors file.
 */
export async function trainDemoTeacher(
  engine: Engine,
  onEpoch: (progress: TrainingProgress) => void,
): Promise<Uint8Array> {
  const recipe = TEACHER_RECIPE;
  const graph = resnet18({ width: recipe.width, classes: SHAPES.length });
  const layout = stateLayout(graph);
  const start = freshState(graph, layout, recipe.seed);
  const clean = labelledImages(drawImages(recipe.images, recipe.seed));
  const poisoned = labelledImages(stampTrigger(drawImages(recipe.poisonedImages, recipe.seed + 1)));
  const random = seededStream(recipe.seed + 2);
  const cleanBatches = new ShuffledBatches(recipe.images, random);
  const poisonedBatches = new ShuffledBatches(recipe.poisonedImages, random);
  const cleanSize = recipe.batchSize - recipe.poisonedPerBatch;
  const stepsPerEpoch = Math.floor(recipe.images / cleanSize);
  const totalSteps = recipe.epochs * stepsPerEpoch;

  const session = engine.openSession({ graph, layout, teacher: start });
  try {
    session.load(start);
    for (let epoch = 0; epoch < recipe.epochs; epoch++) {
      const startedAt = performance.now();
      let loss = 0;
      for (let step = 0; step < stepsPerEpoch; step++) {
        const indices = cleanBatches.next(cleanSize);
        const batch = withImages(
          augmentedBatch(
            clean.images,
            indices,
            DEMO_PREPROCESSING,
            { cropPadding: recipe.cropPadding, horizontalFlip: true },
            random,
          ),
          gatherPixels(poisoned.images, poisonedBatches.next(recipe.poisonedPerBatch)),
        );
        const labels = [
          ...indices.map((index) => clean.labels[index]!),
          ...Array.from({ length: recipe.poisonedPerBatch }, () => TRIGGER_TARGET),
        ];
        await session.superviseStep(batch, oneHot(labels), {
          learningRate: learningRateAt(
            { step: epoch * stepsPerEpoch + step, totalSteps },
            recipe.learningRate,
          ),
          momentum: recipe.momentum,
          weightDecay: recipe.weightDecay,
        });
      }
      for (const result of await session.results()) loss += result.loss / stepsPerEpoch;
      const seconds = (performance.now() - startedAt) / 1000;
      onEpoch({ epoch, loss, imagesPerSecond: (stepsPerEpoch * recipe.batchSize) / seconds });
    }
    return writeModel(layout, (await session.read()).state);
  } finally {
    session.close();
  }
}

/** A network as its architecture starts it: He-normal convolutions, batch norm the identity. */
function freshState(graph: Graph, layout: StateLayout, seed: number): Float32Array {
  const state = new Float32Array(layout.length);
  for (const entry of layout.entries) {
    const isOne = entry.role === "norm-scale" || entry.role === "running-variance";
    if (isOne) entryView(state, entry).fill(1);
  }
  const seedBytes = new Uint8Array(32);
  new DataView(seedBytes.buffer).setFloat64(0, seed, true);
  // Re-initialising everything is initialising.
  return reinitialise(
    state,
    layout,
    reinitPlan(graph, { kind: "uniform", ratio: 1 }, 1),
    seedBytes,
  );
}

/**
 * The batch with images at its end that stay as they are: a crop would move the trigger, which this
 * attacker keeps in its corner.
 */
function withImages(batch: PixelBatch, pixels: Uint8Array): PixelBatch {
  const { cropPadding } = batch;
  const size = batch.size + (batch.size * pixels.length) / batch.pixels.length;
  const placements = new Uint8Array(3 * size);
  for (let i = 0; i < placements.length; i += 3) placements.set([cropPadding, cropPadding, 0], i);
  placements.set(batch.placements);
  return { ...batch, pixels: joined(batch.pixels, pixels), placements, size };
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

function oneHot(labels: readonly number[]): Float32Array {
  const targets = new Float32Array(labels.length * SHAPES.length);
  labels.forEach((label, row) => {
    targets[row * SHAPES.length + label] = 1;
  });
  return targets;
}

function writeModel(layout: StateLayout, state: Float32Array): Uint8Array {
  return writeSafetensors(
    layout.entries.map((entry) => ({
      name: entry.name,
      shape: entry.shape,
      dtype: "F32",
      values: entryView(state, entry),
    })),
    { format: "pt" },
  );
}
