import type { ImageShape } from "../../protocol/model/graph.ts";
import { ShuffledBatches } from "../distil/batches.ts";
import type { ImageSet } from "../distil/image-set.ts";
import { distilLocally } from "../distil/local-distillation.ts";
import { RandomStream, STREAM_SEED_BYTES } from "../distil/random.ts";
import type { Engine } from "../engine/engine.ts";
import type { LocalTraining } from "./training.ts";

export interface EngineTrainingOptions {
  readonly engine: Engine;
  /** The local images, or how to load them once the model's input shape is known. */
  readonly images: ImageSet | ((shape: ImageShape) => Promise<ImageSet>);
  /** 16 bytes that fix the order and augmentation of the images; random when left out. */
  readonly seed?: Uint8Array;
}

/**
 * Training on an engine and local images. Labels do not exist here; images never leave it.
 *
 * @throws ImageError when the images cannot be loaded (from `prepare` and `open`), RangeError when they have
 *   another shape than the model takes.
 *
 * @example
 * const training = engineTraining({
 *   engine: await openEngine({ backend: "auto", environment: nodeEnvironment() }),
 *   images: (shape) => loadImages("./photos", shape),
 * });
 */
export function engineTraining({ engine, images, seed }: EngineTrainingOptions): LocalTraining {
  let loaded: Promise<ImageSet> | undefined;
  const load = (shape: ImageShape): Promise<ImageSet> =>
    (loaded ??= typeof images === "function" ? images(shape) : Promise.resolve(images));
  return {
    device: engine.adapter,
    prepare: async (shape) => void (await load(shape)),
    open: async ({ config, graph, layout, teacher }) => {
      const shape = graph.inputShape;
      const set = await load(shape);
      if (
        set.height !== shape.height ||
        set.width !== shape.width ||
        set.channels !== shape.channels
      ) {
        throw new RangeError(
          `the model takes images of ${shape.height}×${shape.width}×${shape.channels}, these are ${set.height}×${set.width}×${set.channels}; load them at the model's shape`,
        );
      }
      const random = new RandomStream(
        seed ?? crypto.getRandomValues(new Uint8Array(STREAM_SEED_BYTES)),
      );
      const batches = new ShuffledBatches(set.count, random);
      const session = engine.openSession({ graph, layout, teacher });
      const settings = { ...config.distillation, normalisation: config.preprocessing };
      return {
        train: ({ beforeStep, onStep, signal, startStep, student, totalSteps }) =>
          distilLocally(
            { session, layout, images: set, batches, random },
            { student, startStep, totalSteps },
            settings,
            {
              signal,
              beforeStep,
              onProgress: ({ loss, step }) => onStep({ loss, step, images: settings.batchSize }),
            },
          ),
        close: () => session.close(),
      };
    },
  };
}
