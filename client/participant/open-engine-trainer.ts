import { sha256 } from "../../protocol/digest.ts";
import type { ImageShape } from "../../protocol/model/graph.ts";
import { normGroupSize } from "../../protocol/round/campaign-config.ts";
import { localOptimizer } from "../../protocol/round/local-optimizer.ts";
import { preprocessingOf } from "../../protocol/round/preprocessing.ts";
import type { Adversary } from "../../protocol/round/adversary.ts";
import { hasPatterns } from "../distil/pattern.ts";
import { engineAdversary } from "../distil/perturbation.ts";
import { engineRegularisers } from "../distil/regularisers.ts";
import type { AdversarySettings } from "../engine/adversary-settings.ts";
import { holdOut } from "../distil/hold-out.ts";
import { imageSize, type ImageSet } from "../images/image-set.ts";
import { preparationFor, preparationInSize, type Preparation } from "../images/prepare-image.ts";
import { RandomStream, STREAM_SEED_BYTES } from "../../protocol/random/random-stream.ts";
import type { Weaknesses } from "../distil/weaknesses.ts";
import type { Engine } from "../engine/engine.ts";
import { EngineTrainer } from "./engine-trainer.ts";
import type { TrainerSource, TrainingCampaign } from "./local-trainer.ts";

export interface EngineTrainersOptions {
  readonly engine: Engine;
  /** The local images, or how to make them once it is known what the model reads. */
  readonly images: ImageSet | ((preparation: Preparation) => Promise<ImageSet>);
  /** So many of their pictures made otherwise, where there is more than the images themselves. */
  readonly sample?: (preparation: Preparation, count: number) => Promise<ImageSet | undefined>;
  /**
   * 16 bytes that fix which images are held out, the order and augmentation of the others, and where
   * perturbations start; random when left out.
   */
  readonly seed?: Uint8Array;
}

/**
 * Trainers on an engine and local images. Labels do not exist here; images never leave it. What it found
 * in a teacher stays with it: opened again with the same seed, for whoever joins again or joins another
 * campaign of the same teacher and settings, it seeks nothing again.
 *
 * @throws ImageError when the images cannot be loaded (from `prepare` and `open`), RangeError when they have
 *   another shape than the model takes.
 *
 * @example
 * const trainers = engineTrainers({
 *   engine: await openEngine({ backend: "auto", environment: nodeEnvironment() }),
 *   images: (preparation) => storeImages("./photos", preparation),
 * });
 */
export function engineTrainers({
  engine,
  images,
  sample,
  seed,
}: EngineTrainersOptions): TrainerSource {
  let loaded: Promise<ImageSet> | undefined;
  const load = (preparation: Preparation): Promise<ImageSet> =>
    (loaded ??= typeof images === "function" ? images(preparation) : Promise.resolve(images));
  let last: { readonly sought: string; readonly found: Weaknesses } | undefined;
  return {
    device: engine.adapter,
    prepare: async (preparation) => void (await load(preparation)),
    requireRoom: async ({ config, graph, layout }) => {
      const { adversary, batchSize: size, ...distillation } = config.distillation;
      const { optimizer } = localOptimizer(config.distillation);
      await engine.requireRoom(
        { graph, layout, normGroupSize: normGroupSize(config), optimizer },
        {
          size,
          ...engineRegularisers(distillation),
          adversary: adversary === null ? undefined : plannedAdversary(adversary, graph.inputShape),
        },
      );
    },
    open: async (campaign) => {
      const { config, graph, layout, readings, teacher } = campaign;
      const shape = graph.inputShape;
      const preparation = preparationFor(shape, preprocessingOf(config, shape));
      const set = await load(preparation);
      checkShape(set, shape);
      const random = new RandomStream(
        seed ?? crypto.getRandomValues(new Uint8Array(STREAM_SEED_BYTES)),
      );
      const pool = holdOut(set.count, config.judging, random);
      const session = engine.openSession({
        graph,
        layout,
        teacher,
        normGroupSize: normGroupSize(config),
        optimizer: localOptimizer(config.distillation).optimizer,
      });
      // Other images are held out every time where chance decides which.
      const sought = seed === undefined ? undefined : searchedFor(campaign);
      return new EngineTrainer({
        session,
        graph,
        layout,
        teacher,
        readings,
        openReading: (of) => engine.openSession({ graph: of, layout, teacher }),
        inSize: async (other, count) =>
          await sample?.(preparationInSize(preparation, other), count),
        config,
        images: set,
        pool,
        random,
        found: sought !== undefined && sought === last?.sought ? last.found : undefined,
        onFound: (found) => {
          if (sought !== undefined) last = { sought, found };
        },
      });
    },
  };
}

/** What copies take is the same with any pattern. */
function plannedAdversary(adversary: Adversary, shape: ImageShape): AdversarySettings {
  const pattern = hasPatterns(adversary) ? new Float32Array(imageSize(shape)) : undefined;
  return { ...engineAdversary(adversary, shape), pattern };
}

/** Names all that a search for weaknesses depends on, images and seed aside. */
function searchedFor({ config, teacher }: TrainingCampaign): string {
  const { distillation, judging, preprocessing } = config;
  const { buffer, byteLength, byteOffset } = teacher;
  const digest = sha256(new Uint8Array(buffer, byteOffset, byteLength));
  return JSON.stringify([digest, distillation, judging, preprocessing]);
}

function checkShape(images: ImageSet, { height, width, channels }: ImageShape): void {
  if (images.height === height && images.width === width && images.channels === channels) return;
  throw new RangeError(
    `the model takes images of ${height}×${width}×${channels}, these are ${images.height}×${images.width}×${images.channels}; load them at the model's shape`,
  );
}
