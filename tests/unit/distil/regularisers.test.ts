import { NO_WEAKNESSES } from "../../../client/distil/weaknesses.ts";
import { describe, expect, it } from "vitest";
import { ShuffledBatches } from "../../../client/distil/batches.ts";
import {
  distilLocally,
  type DistillationSettings,
} from "../../../client/distil/local-distillation.ts";
import { measureSpeed } from "../../../client/distil/measure-speed.ts";
import { RandomStream } from "../../../protocol/random/random-stream.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { LinearSession } from "./linear-session.ts";

const SHAPE = { height: 1, width: 2, channels: 1 };
const MODEL = Float32Array.from([1, 0, 0, 1, 0, 0]);
const LAYOUT: StateLayout = { entries: [], slices: [], trainableLength: 6, length: 6 };
const IMAGES = { pixels: Uint8Array.from({ length: 20 }, (_, i) => 9 * i), count: 10, ...SHAPE };
const POOL = Uint32Array.from({ length: 10 }, (_, i) => i);
const REGULARISERS = { sharpness: { rho: 0.5 }, headShift: { weight: 0.2 } };
const NONE = { sharpness: null, headShift: null };

function settingsWith(
  regularisers: Pick<DistillationSettings, "sharpness" | "headShift">,
  localSteps: number,
): DistillationSettings {
  return {
    localSteps,
    batchSize: 4,
    learningRate: 0.1,
    momentum: 0.9,
    warmUp: 0,
    weightDecay: 0,
    temperature: { from: 1, to: 4 },
    augmentation: { cropPadding: 0, horizontalFlip: true },
    normalisation: { mean: [0.5], std: [0.25] },
    adversary: null,
    ...regularisers,
  };
}

async function stepsOf(settings: DistillationSettings): Promise<LinearSession> {
  const session = new LinearSession(SHAPE, MODEL);
  const random = new RandomStream(new Uint8Array(16).fill(8));
  const batches = new ShuffledBatches(POOL, random);
  const { localSteps } = settings;
  await distilLocally(
    { session, layout: LAYOUT, images: IMAGES, batches, random },
    {
      student: MODEL,
      startStep: 0,
      totalSteps: 9,
      localSteps,
      velocity: "restart",
      weaknesses: NO_WEAKNESSES,
    },
    settings,
  );
  return session;
}

describe("regularisers of local steps", () => {
  it.each([1, 3])(
    "[D10.3] [D11] are in every step, or in the gradient: K = %i",
    async (localSteps) => {
      const { steps } = await stepsOf(settingsWith(REGULARISERS, localSteps));
      expect(steps).toHaveLength(localSteps);
      for (const step of steps) expect(step).toMatchObject(REGULARISERS);
    },
  );

  it("[D10][D11] are in none without them, and change no batch", async () => {
    const plain = await stepsOf(settingsWith(NONE, 3));
    const found = plain.steps.flatMap(({ headShift, sharpness }) => [headShift, sharpness]);
    expect(found).toEqual(Array(6).fill(undefined));
    const { trainedOn } = await stepsOf(settingsWith(REGULARISERS, 3));
    expect(trainedOn).toEqual(plain.trainedOn);
  });

  it("[R11] are on while the device's speed is measured", async () => {
    const session = new LinearSession(SHAPE, MODEL);
    let time = 0;
    const benchmark = { session, images: IMAGES, pool: POOL, state: MODEL };
    await measureSpeed(benchmark, settingsWith(REGULARISERS, 5), { now: () => (time += 700) });
    expect(session.steps).toHaveLength(1 + 1 + 2 + 4);
    for (const step of session.steps) expect(step).toMatchObject(REGULARISERS);
  });
});
