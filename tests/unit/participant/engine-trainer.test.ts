import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { holdOut } from "../../../client/distil/hold-out.ts";
import { normalisationTable } from "../../../client/distil/normalise.ts";
import { RandomStream } from "../../../protocol/random/random-stream.ts";
import { EngineError } from "../../../client/engine/engine-error.ts";
import { EngineTrainer } from "../../../client/participant/engine-trainer.ts";
import type { Graph } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { campaignConfigSchema } from "../../../protocol/round/campaign-config.ts";
import { LinearSession } from "../distil/linear-session.ts";

const SHAPE = { height: 1, width: 2, channels: 3 };
const MODEL = Float32Array.from({ length: 3 * 6 + 3 }, (_, i) => Math.sin(i));
const LAYOUT: StateLayout = { entries: [], slices: [], trainableLength: 21, length: 21 };
const PREPROCESSING = { mean: [0, 0, 0], std: [1, 1, 1] };

/** A linear classifier's pooled features, as far as statistics look at it: it has no norms. */
const GRAPH: Graph = {
  architecture: "linear",
  input: "image",
  inputShape: SHAPE,
  output: "pooled",
  classes: 3,
  operations: [{ kind: "global-average-pool", input: "image", output: "pooled" }],
  parameters: [],
};

/** A trainer whose images are all different: image i has first pixel i. */
interface Changes {
  judging?: object;
  distillation?: object;
  reinit?: object;
  seed?: number;
}

function open(count: number, changes: Changes) {
  const config = campaignConfigSchema.parse({
    model: "ab".repeat(32),
    preprocessing: PREPROCESSING,
    judging: changes.judging ?? {},
    reinit: changes.reinit ?? {},
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
  const parts = {
    session,
    graph: GRAPH,
    layout: LAYOUT,
    teacher: MODEL,
    readings: [],
    openReading: () => session,
    inSize: async () => undefined,
  };
  const options = { ...parts, config, images, pool, random };
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

it("[D9.7.1] [J1] shortcuts are sought once, on images that are trained on and not scored with", async () => {
  const table = normalisationTable(PREPROCESSING, 3);
  const { pool, session, trainer } = open(250, {
    judging: { heldOut: 0.2, images: 60 },
    // Then all of a pattern is a shortcut.
    distillation: { adversary: { waves: null } },
  });
  expect(pool.heldOut).toHaveLength(50);
  let searches = 0;
  const seeking = {
    signal,
    beforeBatch: () => Promise.resolve(),
    onSearch: (done: number) => void (searches = done),
  };
  await trainer.seekWeaknesses(seeking);
  expect(searches).toBeGreaterThan(1);
  const asked = new Set(session.teacherSaw.map((values) => table.indexOf(values[0]!)));
  // The last ten that are trained on are the judge's.
  const allowed = new Set(pool.training.subarray(0, 190));
  expect(asked.size).toBe(64);
  expect([...asked].filter((image) => !allowed.has(image))).toEqual([]);
  const { bend } = (await trainer.score(scoring(0, false)))!;
  expect(bend).toEqual({ class: expect.any(Number), reach: expect.any(Number) });
  const passes = session.teacherPerturbations.length;
  await trainer.seekWeaknesses(seeking);
  await trainer.train(training(0));
  expect(session.teacherPerturbations).toHaveLength(passes);
  expect(session.steps).toHaveLength(3);
  for (const { adversary } of session.steps) {
    expect(adversary?.pattern?.some((value) => value !== 0)).toBe(true);
  }
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
  const unwatched = await threeRounds({ watchAscents: 0 });
  expect(watched.perturbations.length).toBeGreaterThan(2 * unwatched.perturbations.length);
  expect(unwatched.trainedOn).toEqual(watched.trainedOn);
  expect(unwatched.steps).toEqual(watched.steps);
});

const MEASURING = { strategy: { kind: "bn-divergence", images: 40 } };
const measuring = () => {
  const told: [number, number][] = [];
  const onImages = (done: number, total: number) => void told.push([done, total]);
  return { work: { signal, beforeBatch: () => Promise.resolve(), onImages }, told };
};

it("[B2.1] [B2.4] measures so many different images, none of them held out, and the same ones each time", async () => {
  const { pool, session, trainer } = open(120, { reinit: MEASURING, judging: { heldOut: 0.4 } });
  const { work, told } = measuring();
  expect(await trainer.measureStatistics(work)).toMatchObject({ images: 40 });
  // Two batches of 20: norm groups of 5 are too few to be worth a pass each.
  expect(told).toEqual([
    [20, 40],
    [40, 40],
  ]);
  const measured = session.measuredOn.map(([first]) => Math.round(first! * 255));
  expect(new Set(measured).size).toBe(40);
  for (const image of measured) expect(pool.heldOut).not.toContain(image);
  await trainer.measureStatistics(work);
  expect(session.measuredOn).toHaveLength(40);
});

it("[B2.4] chooses the same images again after it was interrupted", async () => {
  const { session, trainer } = open(200, { reinit: MEASURING });
  const interrupted = new AbortController();
  const { work } = measuring();
  const stopping = { ...work, signal: interrupted.signal, onImages: () => interrupted.abort() };
  await expect(trainer.measureStatistics(stopping)).rejects.toThrow();
  const first = session.measuredOn.splice(0);
  expect(first).toHaveLength(20);
  await trainer.measureStatistics(work);
  expect(session.measuredOn.slice(0, 20)).toEqual(first);
});

it("[B3] measures nothing of fewer than 32 images", async () => {
  const { session, trainer } = open(34, { reinit: MEASURING });
  expect(await trainer.measureStatistics(measuring().work)).toMatchObject({ images: 34 });
  const few = open(35, { reinit: MEASURING, judging: { heldOut: 0.12 } });
  expect(few.pool.training).toHaveLength(31);
  expect(await few.trainer.measureStatistics(measuring().work)).toBeNull();
  expect(few.session.measuredOn).toEqual([]);
  expect(session.measuredOn).toHaveLength(34);
});

it("[J12.5] tells whose answers are not finite, and forgets the round's velocity", async () => {
  const { session, trainer } = open(20, {});
  const broken = MODEL.slice().fill(Number.NaN);
  expect(await trainer.examine(MODEL.slice())).toBe("neither");
  expect(await trainer.examine(broken)).toBe("student");
  await trainer.train(training(0));
  await trainer.examine(MODEL.slice());
  const load = vi.spyOn(session, "load");
  await trainer.train(training(1));
  expect(load).toHaveBeenLastCalledWith(expect.anything(), "restart");
});

it("[J12.5] takes a student for the cause where the device answers for the teacher alone", async () => {
  const { session, trainer } = open(20, {});
  const { logits } = session;
  const refused = new EngineError("device-failed", "beyond the largest value of half precision");
  session.logits = (which, batch) =>
    which === "teacher" ? logits.call(session, which, batch) : Promise.reject(refused);
  expect(await trainer.examine(MODEL.slice())).toBe("student");
  session.logits = () => Promise.reject(refused);
  await expect(trainer.examine(MODEL.slice())).rejects.toBe(refused);
});
