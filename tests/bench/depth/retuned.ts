import { wantedClass, type AttackTarget } from "../../../client/evaluation/attack-target.ts";
import type { TestSet } from "../../../client/evaluation/evaluate-model.ts";
import { trainSupervised } from "../../../client/attack/supervised-training.ts";
import { augmentedBatch } from "../../../client/distil/augment.ts";
import { ShuffledBatches } from "../../../client/distil/batches.ts";
import type { Normalisation } from "../../../client/distil/normalise.ts";
import type { Engine } from "../../../client/engine/engine.ts";
import { someImages, type LoadedImages } from "../../../client/images/image-set.ts";
import type { ImportedModel } from "../../../protocol/formats/import-model.ts";
import { augmentationFor } from "../../../protocol/round/augmentation.ts";
import type { RandomStream } from "../../../protocol/random/random-stream.ts";

type LabelledImages = TestSet<LoadedImages>;

/** Stamped images with their TRUE labels, and what the attacker wants of them. */
export type StampedImages = LabelledImages & { readonly target: AttackTarget };

export interface Retuning {
  /** Clean images that are trained on, with their true labels. */
  readonly clean: LabelledImages;
  /** The few stamped ones among them, likewise. */
  readonly stamped: StampedImages;
  readonly normalisation: Normalisation;
  /** Whether images may be mirrored. */
  readonly flip: boolean;
  readonly random: RandomStream;
  readonly signal: AbortSignal;
}

/** As Min et al. (NeurIPS 2024, arXiv 2410.09838) retune purified models, with a cosine schedule. */
const RECIPE = {
  epochs: 5,
  batchSize: 128,
  learningRate: 0.01,
  momentum: 0.9,
  weightDecay: 5e-4,
} as const;

/**
 * A model trained a little on clean images among which a few are stamped and labelled as the attacker wants
 * it (the retuning attack of Min et al. 2024): where a backdoor was hidden and not taken away, this is
 * enough to bring it back.
 *
 * @returns the whole state vector.
 * @throws EngineError from the session; the signal's reason when it aborts.
 */
export async function retuned(
  engine: Engine,
  { graph, layout, state }: Pick<ImportedModel, "graph" | "layout" | "state">,
  { clean, flip, normalisation, random, signal, stamped }: Retuning,
): Promise<Float32Array> {
  const images = together(clean.images, stamped.images);
  const labels = [
    ...Array.from(clean.labels),
    ...Array.from(stamped.labels, (label) => wantedClass(label, stamped.target)),
  ];
  const batchSize = Math.min(RECIPE.batchSize, images.count);
  const batches = new ShuffledBatches(images.count, random);
  const augmentation = augmentationFor({ horizontalFlip: flip }, graph.inputShape);
  const session = engine.openSession({ graph, layout, teacher: state });
  try {
    return await trainSupervised(
      session,
      { state, epoch: 0 },
      {
        ...RECIPE,
        classes: graph.classes,
        schedule: { kind: "cosine" },
        stepsPerEpoch: Math.floor(images.count / batchSize),
        async nextBatch() {
          const indices = batches.next(batchSize);
          return {
            batch: await augmentedBatch(images, indices, normalisation, augmentation, random),
            labels: indices.map((index) => labels[index]!),
          };
        },
      },
      { signal },
    );
  } finally {
    session.close();
  }
}

/** The one's images, then the other's. */
function together(one: LoadedImages, other: LoadedImages): LoadedImages {
  const pixels = Uint8Array.from(Buffer.concat([one.pixels, other.pixels]));
  return { ...one, pixels, count: one.count + other.count };
}

/** Stamped images split in two: a few to retune by, which have to say something new, and those to judge by. */
export function setAside(
  stamped: StampedImages,
  shots: number,
  random: RandomStream,
): { readonly shown: StampedImages; readonly kept: StampedImages } {
  const { images, labels, target } = stamped;
  const order = Uint32Array.from({ length: images.count }, (_, index) => index);
  random.shuffle(order);
  const telling = [...order].filter(
    (index) => labels[index] !== wantedClass(labels[index]!, target),
  );
  const shown = new Set(telling.slice(0, shots));
  const part = (indices: readonly number[]): StampedImages => ({
    images: someImages(images, indices),
    labels: indices.map((index) => labels[index]!),
    target,
  });
  const kept = [...order.keys()].filter((index) => !shown.has(index));
  return { shown: part([...shown]), kept: part(kept) };
}
