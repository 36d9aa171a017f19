import type { ImageShape } from "../../protocol/model/graph.ts";
import { normGroupSize } from "../../protocol/round/campaign-config.ts";
import { ShuffledBatches } from "../distil/batches.ts";
import type { ImageSet } from "../distil/image-set.ts";
import { distilLocally } from "../distil/local-distillation.ts";
import { measureSpeed } from "../distil/measure-speed.ts";
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
      const session = engine.openSession({
        graph,
        layout,
        teacher,
        normGroupSize: normGroupSize(config),
      });
      /** First step of the round that follows the one done last. */
      let nextStart: number | undefined;
      const settings = { ...config.distillation, normalisation: config.preprocessing };
      return {
        measure: (hooks) => {
          nextStart = undefined;
          return measureSpeed({ session, images: set, state: teacher }, settings, hooks);
        },
        train: async ({
          beforeStep,
          localSteps,
          onStep,
          signal,
          startStep,
          student,
          totalSteps,
        }) => {
          let told = 0;
          const velocity = startStep === nextStart ? "keep" : "restart";
          // An attempt that is given up leaves the velocity of a round nobody has.
          nextStart = undefined;
          const update = await distilLocally(
            { session, layout, images: set, batches, random },
            { student, startStep, totalSteps, localSteps, velocity },
            settings,
            {
              signal,
              beforeStep,
              onProgress: ({ examples, isNewest, loss, step }) => {
                // Steps told in a row would look infinitely fast, one by one.
                if (!isNewest) return;
                onStep({ loss, step, images: examples - told });
                told = examples;
              },
            },
          );
          nextStart = startStep + settings.localSteps;
          return update;
        },
        close: () => session.close(),
      };
    },
  };
}
