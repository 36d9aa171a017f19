import { localOptimizer, usualOptimizer } from "../../../protocol/round/local-optimizer.ts";
import { normGroupSize } from "../../../protocol/round/campaign-config.ts";
import { augmentationFor } from "../../../protocol/round/augmentation.ts";
import { measureSpeed } from "../../../client/distil/measure-speed.ts";
import type { Engine } from "../../../client/engine/engine.ts";
import { plannedImages, type BenchRun } from "./bench-run.ts";

/** Besides training: a coordinator starts and ends, models are judged. */
const SECONDS_BESIDES = 5;

/**
 * Seconds that each run will take, by how fast this device takes its steps: two seconds of real
 * steps for each teacher and each kind of step, the same for all runs that share them.
 *
 * @throws EngineError when the device cannot train a case; the signal's reason when it aborts.
 */
export async function estimateSeconds(
  runs: readonly BenchRun[],
  engine: Engine,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const speeds = new Map<string, number>();
  const estimates: number[] = [];
  for (const run of runs) {
    const images = plannedImages(run);
    let speed = Infinity;
    if (images > 0) {
      const key = speedKey(run);
      speed = speeds.get(key) ?? (await speedOf(run, engine, signal));
      speeds.set(key, speed);
    }
    estimates.push(SECONDS_BESIDES + images / speed);
  }
  return estimates;
}

function speedKey({ loaded, config }: BenchRun): string {
  const { adversary, batchSize, headShift, sharpness } = config.distillation;
  const step = { adversary, batchSize, headShift, sharpness, group: normGroupSize(config) };
  return JSON.stringify([loaded.digests.model, step]);
}

async function speedOf(
  { loaded, config }: BenchRun,
  engine: Engine,
  signal: AbortSignal,
): Promise<number> {
  const { graph, layout, state } = loaded.teacher;
  const { images } = loaded.pool;
  const optimizer = localOptimizer(config.distillation, usualOptimizer(graph));
  const session = engine.openSession({
    graph,
    layout,
    teacher: state,
    normGroupSize: normGroupSize(config),
    optimizer: optimizer.optimizer,
  });
  try {
    const pool = Uint32Array.from({ length: images.count }, (_, index) => index);
    const settings = {
      ...config.distillation,
      ...optimizer,
      augmentation: augmentationFor(config.distillation.augmentation, graph.inputShape),
      normalisation: loaded.preprocessing,
    };
    return await measureSpeed({ session, images, pool, state }, settings, { signal });
  } finally {
    session.close();
  }
}
