import { expect, it } from "vitest";
import { ShuffledBatches } from "../../../client/distil/batches.ts";
import { distilLocally } from "../../../client/distil/local-distillation.ts";
import { meanDivergence } from "../../../client/distil/mean-divergence.ts";
import { NO_WEAKNESSES } from "../../../client/distil/weaknesses.ts";
import type { SessionReading } from "../../../client/engine/engine.ts";
import { RandomStream } from "../../../protocol/random/random-stream.ts";
import { LinearSession } from "./linear-session.ts";

const SHAPE = { height: 1, width: 2, channels: 1 };

/** A student that answers as its teacher does: rounding alone is left of the losses of its steps. */
class Unmoved extends LinearSession {
  override async read(): Promise<SessionReading> {
    const { state, results } = await super.read();
    return { state, results: results.map(({ agreement }) => ({ agreement, loss: -2.9e-9 })) };
  }
}

it("[D1.1] a mean divergence below 0 by rounding is 0, and what is not a number stays so", () => {
  expect(meanDivergence(-5e-9, 8)).toBe(0);
  expect(meanDivergence(3, 2)).toBe(1.5);
  expect(meanDivergence(Number.NaN, 2)).toBeNaN();
});

it("[D1.1] an update of a student that answers as its teacher does tells no loss below 0", async () => {
  const teacher = Float32Array.from([1, 0, 0, 1, 0, 0]);
  const random = new RandomStream(new Uint8Array(16));
  const images = { pixels: Uint8Array.of(1, 2, 3, 4), count: 2, ...SHAPE };
  const batches = new ShuffledBatches(images.count, random);
  const session = new Unmoved(SHAPE, teacher);
  const layout = {
    entries: [],
    slices: [],
    length: teacher.length,
    trainableLength: teacher.length,
  };
  const { loss } = await distilLocally(
    { session, layout, images, batches, random },
    {
      student: teacher,
      startStep: 0,
      totalSteps: 2,
      localSteps: 2,
      velocity: "restart",
      weaknesses: NO_WEAKNESSES,
    },
    {
      localSteps: 2,
      batchSize: 2,
      learningRate: 0.1,
      momentum: 0.9,
      warmUp: 0,
      weightDecay: 0,
      temperature: { from: 1, to: 1 },
      augmentation: { cropPadding: 0, horizontalFlip: false },
      normalisation: { mean: [0], std: [0.25] },
      adversary: null,
      sharpness: null,
      headShift: null,
    },
  );
  expect(loss).toBe(0);
});
