import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { holdOut } from "../../../client/distil/hold-out.ts";
import { normalisationTable } from "../../../client/distil/normalise.ts";
import { RandomStream } from "../../../client/distil/random.ts";
import { EngineTrainer } from "../../../client/participant/engine-trainer.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { campaignConfigSchema } from "../../../protocol/round/campaign-config.ts";
import { LinearSession } from "../distil/linear-session.ts";

const SHAPE = { height: 1, width: 2, channels: 3 };
const MODEL = Float32Array.from({ length: 3 * 6 + 3 }, (_, i) => Math.sin(i));
const LAYOUT: StateLayout = { entries: [], slices: [], trainableLength: 21, length: 21 };
const PREPROCESSING = { mean: [0, 0, 0], std: [1, 1, 1] };

/** A trainer whose images are all different: image i has first pixel i. */
function open(count: number, changes: { judging?: object; distillation?: object; seed?: number }) {
  const config = campaignConfigSchema.parse({
    model: "ab".repeat(32),
    preprocessing: PREPROCESSING,
    judging: changes.judging ?? {},
    distillation: {
      localSteps: 3,
      batchSize: 5,
      augmentation: { cropPadding: 0, horizontalFlip: false },
      ...changes.distillation,
    },
  });
  const pixels = Uint8Array.from({ length: count * 6 }, (_, i) =>
    i % 6 === 0 ? i / 6 : (i * 31) % 256,
  );
  const images = { pixels, count, ...SHAPE };
  const session = new LinearSession(SHAPE, MODEL);
  const random = new RandomStream(new Uint8Array(16).fill(changes.seed ?? 1));
  const pool = holdOut(count, config.judging, random);
  const options = { session, layout: LAYOUT, teacher: MODEL, config, images, pool, random };
  return { session, pool, trainer: new EngineTrainer(options) };
}

const { signal } = new AbortController();
const round = (number: number, roundOfLeg = number) => ({
  round: number,
  leg: { kind: "main" as const, candidate: 0, roundOfLeg, trainingRounds: 9 },
  student: MODEL.slice(),
  signal,
});
const scoring = (number: number, isJudging: boolean) => ({
  ...round(number),
  isJudging,
  beforeBatch: () => Promise.resolve(),
  onPass: () => undefined,
});
const training = (number: number) => ({
  ...round(number),
  startStep: 3 * number,
  totalSteps: 27,
  localSteps: 3,
  beforeStep: () => Promise.resolve(),
  onStep: () => undefined,
});

it("[J1] held-out images are never trained on, not even to measure, and all others are", async () => {
  const table = normalisationTable(PREPROCESSING, 3);
  // The benchmark's two seconds pass in four looks at the clock.
  let time = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => (time += 700));
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 8, max: 60 }),
      fc.integer({ min: 0, max: 255 }),
      async (count, seed) => {
        const { pool, session, trainer } = open(count, { judging: { heldOut: 0.5 }, seed });
        await trainer.measure({ signal, beforeRun: () => Promise.resolve() });
        const rounds = Math.ceil(count / 15) + 1;
        for (let r = 0; r < rounds; r++) {
          expect((await trainer.score(scoring(r, false)))!.images).toBe(Math.floor(count / 2));
          await trainer.train(training(r));
        }
        const first = session.trainedOn.map((values) => table.indexOf(values[0]!));
        expect([...new Set(first)].sort((a, b) => a - b)).toEqual(
          [...pool.training].sort((a, b) => a - b),
        );
      },
    ),
    { numRuns: 20 },
  );
  clock.mockRestore();
});

it("[J1] a pool too small to hold any out gives no scores and trains on all", async () => {
  const { pool, session, trainer } = open(39, {});
  expect(pool.training).toHaveLength(39);
  expect(await trainer.score(scoring(0, false))).toBeNull();
  expect(await trainer.score(scoring(1, true))).toBeNull();
  expect(session.perturbations).toEqual([]);
});

/** The session of a participant that scored and trained three rounds. */
async function threeRounds(judging: object) {
  const { session, trainer } = open(80, { judging });
  for (const r of [0, 1, 2]) {
    await trainer.score(scoring(r, false));
    await trainer.train(training(r));
  }
  return session;
}

it("[D3][J2] scores do not disturb what is trained: velocity kept, same batches with and without", async () => {
  const watched = await threeRounds({ watchAscents: 3 });
  expect(watched.loads).toEqual(["restart", "restart", "keep", "keep", "keep", "keep"]);
  expect(watched.perturbations.length).toBeGreaterThan(0);
  const unwatched = await threeRounds({ watchAscents: 0 });
  expect(unwatched.perturbations).toEqual([]);
  expect(unwatched.trainedOn).toEqual(watched.trainedOn);
  expect(unwatched.steps).toEqual(watched.steps);
});
