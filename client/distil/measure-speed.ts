import type { Session } from "../engine/engine.ts";
import { temperatureAt } from "../../protocol/round/schedule.ts";
import { augmentedBatch } from "./augment.ts";
import { ShuffledBatches } from "./batches.ts";
import { imageSize, type ImageSet } from "../images/image-set.ts";
import type { DistillationSettings, LocalHooks } from "./local-distillation.ts";
import { hasPatterns } from "./pattern.ts";
import { drawRestart, engineAdversary } from "./perturbation.ts";
import { engineRegularisers } from "./regularisers.ts";
import { RandomStream, STREAM_SEED_BYTES } from "../../protocol/random/random-stream.ts";

/** Long enough to see past one slow step, short enough to wait for. */
const BENCHMARK_MS = 2000;

export interface MeasureHooks extends Pick<LocalHooks, "signal" | "now"> {
  /**
   * Awaited before every run of steps, of which there are about ten, off the clock: a host pauses
   * the benchmark by not resolving it.
   */
  readonly beforeRun?: () => Promise<void> | void;
}

interface Benchmark {
  readonly session: Session;
  readonly images: ImageSet;
  /** Indices of those that are trained on. */
  readonly pool: Uint32Array;
  /** Whole state vector to train from; `session` holds it afterwards. */
  readonly state: Float32Array;
}

/**
 * Speed of local steps on this device, images per second: some two seconds of real steps on the
 * campaign's own batches and with its regularisers, after one that compiles and warms up. Perturbed
 * copies do not count as images. Steps of length 0 and a random stream of its own: what a later
 * assignment computes does not depend on it.
 *
 * @throws EngineError from the session; the signal's reason when it aborts.
 *
 * @example
 * const imagesPerSecond = await measureSpeed({ session, images, pool, state: teacher }, settings);
 */
export async function measureSpeed(
  { session, images, pool, state }: Benchmark,
  settings: DistillationSettings,
  hooks: MeasureHooks = {},
): Promise<number> {
  const { augmentation, batchSize, normalisation } = settings;
  const { momentum, secondMomentum, weightDecay } = settings;
  const now = hooks.now ?? (() => performance.now());
  const random = new RandomStream(new Uint8Array(STREAM_SEED_BYTES));
  const batches = new ShuffledBatches(pool, random);
  const temperature = temperatureAt({ step: 0, totalSteps: 1 }, settings.temperature);
  const beside = engineRegularisers(settings);
  const adversary = settings.adversary ? engineAdversary(settings.adversary, images) : undefined;
  let restart =
    adversary?.scope === "universal" ? drawRestart(images, adversary, random) : undefined;
  // What a pattern is made of costs nothing beside a step, and its values are all the same to it.
  const pattern =
    settings.adversary && hasPatterns(settings.adversary)
      ? new Float32Array(imageSize(images))
      : undefined;
  /** Takes so many steps, waits until the device has done them, and gives the milliseconds. */
  const run = async (count: number): Promise<number> => {
    await hooks.beforeRun?.();
    const began = now();
    for (let i = 0; i < count; i++) {
      hooks.signal?.throwIfAborted();
      const indices = batches.next(batchSize);
      const batch = await augmentedBatch(images, indices, normalisation, augmentation, random);
      await session.step(batch, {
        learningRate: 0,
        momentum,
        secondMomentum,
        weightDecay,
        temperature,
        ...beside,
        adversary: adversary && { ...adversary, restart, pattern },
      });
      restart = undefined;
    }
    await session.results();
    return now() - began;
  };

  session.load(state);
  await run(1);
  let elapsedMs = 0;
  let steps = 0;
  // In doubling runs, each waited for: asking after every step would let a fast device idle.
  for (let count = 1; elapsedMs < BENCHMARK_MS; count *= 2) {
    elapsedMs += await run(count);
    steps += count;
  }
  return (1000 * steps * batchSize) / elapsedMs;
}
