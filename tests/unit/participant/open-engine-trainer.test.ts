import { beforeAll, describe, expect, it } from "vitest";
import type { Engine, SessionOptions, VelocityAtLoad } from "../../../client/engine/engine.ts";
import { nodeEnvironment } from "../../../client/engine/opening/node-environment.ts";
import { openEngine } from "../../../client/engine/opening/open-engine.ts";
import { engineTrainers } from "../../../client/participant/open-engine-trainer.ts";
import {
  campaignConfigSchema,
  type CampaignConfig,
} from "../../../protocol/round/campaign-config.ts";
import type { GoldenCase } from "../../../scripts/golden/golden-case.ts";
import { goldenW4 } from "../engine/golden-files.ts";

function configOf(distillation: object, judging: object): CampaignConfig {
  return campaignConfigSchema.parse({
    model: "ab".repeat(32),
    preprocessing: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    distillation,
    judging,
  });
}

/** A default whose searches are short. */
const HASTY = {
  waves: { periods: 3 },
  heatMap: { images: 1 },
  shortcuts: { classes: 1, ascents: 1, images: 4 },
  bends: { classes: 1, ascents: 1, images: 4 },
};

describe("training on an engine", () => {
  let engine: Engine;
  let golden: GoldenCase;
  const opened: SessionOptions[] = [];
  const velocities: VelocityAtLoad[] = [];
  beforeAll(async () => {
    const wasm = await openEngine({ backend: "wasm", environment: nodeEnvironment() });
    engine = {
      backend: wasm.backend,
      adapter: wasm.adapter,
      close: () => wasm.close(),
      requireRoom: (model, step) => wasm.requireRoom(model, step),
      openSession: (options) => {
        opened.push(options);
        const session = wasm.openSession(options);
        const load = session.load.bind(session);
        session.load = (state, velocity) => {
          velocities.push(velocity ?? "restart");
          load(state, velocity);
        };
        return session;
      },
    };
    golden = await goldenW4();
  });

  function open(distillation: object, judging: object = {}) {
    const common = { localSteps: 3, batchSize: 4, adversary: HASTY };
    const config = configOf({ ...common, ...distillation }, judging);
    const { graph, layout, state: teacher } = golden.teacher;
    const seed = new Uint8Array(16);
    const training = engineTrainers({ engine, images: golden.images, seed });
    return training.open({ graph, layout, teacher, readings: [], config, pooledStatistics: null });
  }

  const work = () => ({
    student: golden.student.state.slice(),
    round: 1,
    leg: { kind: "main" as const, candidate: 0, roundOfLeg: 1, trainingRounds: 3 },
    startStep: 3,
    totalSteps: 9,
    localSteps: 2,
    signal: new AbortController().signal,
    beforeStep: () => Promise.resolve(),
    onStep: () => undefined,
  });

  it("[D7] opens its session with the campaign's norm groups", async () => {
    const before = opened.length;
    for (const distillation of [{ normGroupSize: 2 }, {}]) {
      const trainer = await open(distillation);
      trainer.close();
    }
    expect(opened.slice(before).map(({ normGroupSize }) => normGroupSize)).toEqual([2, 4]);
  });

  it("[D7] gives another update with other norm groups", async () => {
    const updates: Float32Array[] = [];
    for (const distillation of [{ normGroupSize: 2 }, {}]) {
      const trainer = await open(distillation);
      updates.push((await trainer.train(work())).update);
      trainer.close();
    }
    expect(updates[0]).not.toEqual(updates[1]);
  });

  it("[R11] measures a speed and leaves no trace of it in what it trains", async () => {
    const plain = await open({});
    const expected = await plain.train(work());
    plain.close();
    expect(expected.examples).toBe(8);
    const measured = await open({});
    const { signal } = new AbortController();
    const speed = await measured.measure({ signal, beforeRun: () => Promise.resolve() });
    expect(speed).toBeGreaterThan(0);
    expect(speed).toBeLessThan(Number.POSITIVE_INFINITY);
    expect(await measured.train(work())).toEqual({ ...expected, seconds: expect.any(Number) });
    measured.close();
  });

  it("[D3.1] [D3.2] keeps its velocity only from a round done to the one that follows", async () => {
    const trainer = await open({});
    velocities.length = 0;
    const train = (round: number, signal = work().signal, leg: object = {}) =>
      trainer.train({
        ...work(),
        round,
        leg: { ...work().leg, roundOfLeg: round, ...leg },
        startStep: 0,
        signal,
      });
    await train(0);
    await train(1);
    await train(1);
    await train(2);
    await expect(train(3, AbortSignal.abort(new Error("given up")))).rejects.toThrow("given up");
    await train(3);
    await train(4, work().signal, { candidate: 1, roundOfLeg: 0 });
    await train(5, work().signal, { candidate: 1, roundOfLeg: 1 });
    await train(7, work().signal, { candidate: 1, roundOfLeg: 3 });
    trainer.close();
    expect(velocities).toEqual(
      ["restart", "keep", "restart", "keep", "keep", "restart"].concat([
        "restart",
        "keep",
        "restart",
      ]),
    );
  });

  it("[D9.7.1] seeks once for a teacher and settings, however often it is opened, and trains as ever", async () => {
    const { graph, layout, state: teacher } = golden.teacher;
    const training = (seed?: Uint8Array) =>
      engineTrainers({ engine, images: golden.images, ...(seed && { seed }) });
    const seeded = training(new Uint8Array(16));
    const run = async (on: typeof seeded, distillation: object = {}) => {
      // Shortcuts are enough to seek.
      const adversary = { waves: null, warp: null, shortcuts: { ...HASTY.shortcuts, ascents: 3 } };
      const common = { localSteps: 3, batchSize: 4, adversary };
      const config = configOf({ ...common, ...distillation }, {});
      const trainer = await on.open({
        graph,
        layout,
        teacher,
        readings: [],
        config,
        pooledStatistics: null,
      });
      let searches = 0;
      await trainer.seekWeaknesses({
        signal: work().signal,
        beforeBatch: () => Promise.resolve(),
        onSearch: () => searches++,
      });
      const { update } = await trainer.train(work());
      trainer.close();
      return { searches, update };
    };
    const first = await run(seeded);
    expect(first.searches).toBeGreaterThan(0);
    expect(await run(seeded)).toEqual({ searches: 0, update: first.update });
    // Other settings find other things, and without a seed other images are sought on.
    expect((await run(seeded, { batchSize: 6 })).searches).toBe(first.searches);
    const unseeded = training();
    for (let time = 0; time < 2; time++) {
      expect((await run(unseeded)).searches).toBeGreaterThan(0);
    }
  });

  const scoring = (isJudging: boolean) => ({
    ...work(),
    isJudging,
    beforeBatch: () => Promise.resolve(),
    onPass: () => undefined,
  });
  const HALF = { heldOut: 0.5, ascents: 3, watchAscents: 2 };

  /** What a participant says of a round in judging and before training, and what it trains. */
  async function scoreAndTrain() {
    const trainer = await open({}, HALF);
    const scores = [await trainer.score(scoring(false)), await trainer.score(scoring(true))];
    const { update } = await trainer.train(work());
    trainer.close();
    return { scores, update };
  }

  it("[J2] scores a network on held-out images at each radius, the same for the same seed", async () => {
    const first = await scoreAndTrain();
    const [watched, judged] = first.scores;
    expect(watched).toMatchObject({ images: 12, perturbed: [{ radius: 0.072 }] });
    expect(judged!.perturbed.map(({ radius }) => radius)).toEqual([0.036, 0.072, 0.145]);
    expect(judged!.loss).toBe(watched!.loss);
    expect(judged!.agreement).toBe(watched!.agreement);
    for (const { agreement, flips } of judged!.perturbed) {
      expect(flips).toHaveLength(golden.teacher.graph.classes);
      const flipped = flips.reduce((sum, count) => sum + count, 0);
      expect(agreement).toBeCloseTo(1 - flipped / 12, 12);
    }
    expect(await scoreAndTrain()).toEqual(first);
  });

  /** The updates of two rounds in a row, with or without scores before each. */
  async function trainTwice(isScored: boolean) {
    const trainer = await open({ adversary: { ...HASTY, restartEvery: 100 } }, HALF);
    const updates: Float32Array[] = [];
    for (const round of [0, 1]) {
      const leg = { ...work().leg, roundOfLeg: round };
      const place = { round, leg, startStep: 3 * round };
      if (isScored) await trainer.score({ ...scoring(false), ...place });
      updates.push((await trainer.train({ ...work(), ...place, localSteps: 3 })).update);
    }
    trainer.close();
    return updates;
  }

  it("[J2] leaves no trace of its scores in what it trains, velocity and δ included", async () => {
    expect(await trainTwice(true)).toEqual(await trainTwice(false));
  });

  it("[D9] trains otherwise with an adversary than without, and with each other kind", async () => {
    const { bends: _, ...perImage } = { ...HASTY, scope: "per-image", ascents: 1 };
    const adversaries = [
      null,
      HASTY,
      { ...HASTY, weight: 2 },
      { ...HASTY, norm: "linf" },
      { ...HASTY, ascents: 1 },
      perImage,
    ];
    const updates: string[] = [];
    for (const adversary of adversaries) {
      const trainer = await open({ adversary });
      updates.push((await trainer.train(work())).update.join());
      trainer.close();
    }
    expect(new Set(updates).size).toBe(6);
  });

  it("[D10][D11] trains otherwise with each regulariser than without, or more of it", async () => {
    const kinds = [
      {},
      { sharpness: { rho: 0.2 } },
      { sharpness: { rho: 0.4 } },
      { headShift: { weight: 0.1 } },
      { headShift: { weight: 0.2 } },
      { sharpness: { rho: 0.2 }, headShift: { weight: 0.1 } },
    ];
    const updates: string[] = [];
    for (const kind of kinds) {
      const trainer = await open({ adversary: null, ...kind });
      updates.push((await trainer.train(work())).update.join());
      trainer.close();
    }
    expect(new Set(updates).size).toBe(kinds.length);
  });

  it("[D4] [D9.14] sends a gradient with the adversary's term in it where K = 1", async () => {
    const gradients: Float32Array[] = [];
    for (const weight of [0, 1e-6, 1]) {
      const adversary = weight === 0 ? null : { ...HASTY, weight };
      const trainer = await open({ localSteps: 1, adversary });
      const { update } = await trainer.train({ ...work(), localSteps: 1 });
      gradients.push(update.subarray(0, golden.teacher.layout.trainableLength));
      trainer.close();
    }
    const [plain, light, heavy] = gradients as [Float32Array, Float32Array, Float32Array];
    expect(light).not.toEqual(plain);
    const term = light.map((value, i) => heavy[i]! - value);
    expect(Math.hypot(...term)).toBeGreaterThan(1e-3 * Math.hypot(...light));
  });
});
