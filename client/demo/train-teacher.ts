import { resnet18 } from "../../protocol/model/architectures/resnet18.ts";
import { stateLayout } from "../../protocol/model/state-layout.ts";
import { freshState, modelFile } from "../attack/fresh-model.ts";
import {
  trainSupervised,
  type EpochProgress,
  type LabelledBatch,
} from "../attack/supervised-training.ts";
import { placedBatch } from "../distil/augment.ts";
import { ShuffledBatches } from "../distil/batches.ts";
import { gatherPixels } from "../images/image-set.ts";
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

/**
 * Trains the demo's backdoored teacher: a ResNet-18 on drawn images, about a tenth of every batch
 * stamped with the trigger and labelled with the target (BadNets, Gu et al. 2017).
 *
 * @returns the model as a safetensors file.
 */
export async function trainDemoTeacher(
  engine: Engine,
  onEpoch: (progress: EpochProgress) => void,
): Promise<Uint8Array> {
  const recipe = TEACHER_RECIPE;
  const classes = SHAPES.length;
  const graph = resnet18({ width: recipe.width, classes });
  const layout = stateLayout(graph);
  const start = freshState(graph, layout, seedBytes(recipe.seed));
  const session = engine.openSession({ graph, layout, teacher: start });
  try {
    const state = await trainSupervised(
      session,
      { state: start, epoch: 0 },
      {
        ...recipe,
        classes,
        schedule: { kind: "cosine" },
        stepsPerEpoch: Math.floor(recipe.images / (recipe.batchSize - recipe.poisonedPerBatch)),
        nextBatch: demoBatches(),
      },
      { onEpoch },
    );
    return modelFile(layout, state);
  } finally {
    session.close();
  }
}

/** Clean images, augmented, and at the end of each batch stamped ones. */
function demoBatches(): () => LabelledBatch {
  const { batchSize, cropPadding, images, poisonedImages, poisonedPerBatch, seed } = TEACHER_RECIPE;
  const clean = labelledImages(drawImages(images, seed));
  const poisoned = labelledImages(stampTrigger(drawImages(poisonedImages, seed + 1)));
  const random = seededStream(seed + 2);
  const cleanBatches = new ShuffledBatches(images, random);
  const poisonedBatches = new ShuffledBatches(poisonedImages, random);
  const augmentation = { cropPadding, horizontalFlip: true };
  return () => {
    const indices = cleanBatches.next(batchSize - poisonedPerBatch);
    return {
      batch: withImages(
        placedBatch(
          clean.images,
          gatherPixels(clean.images, indices),
          DEMO_PREPROCESSING,
          augmentation,
          random,
        ),
        gatherPixels(poisoned.images, poisonedBatches.next(poisonedPerBatch)),
      ),
      labels: [
        ...indices.map((index) => clean.labels[index]!),
        ...Array.from({ length: poisonedPerBatch }, () => TRIGGER_TARGET),
      ],
    };
  };
}

/** 32 bytes of a number. */
function seedBytes(seed: number): Uint8Array {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setFloat64(0, seed, true);
  return bytes;
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
