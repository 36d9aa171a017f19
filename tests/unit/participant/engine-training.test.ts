import { beforeAll, describe, expect, it } from "vitest";
import type { Engine, SessionOptions, VelocityAtLoad } from "../../../client/engine/engine.ts";
import { nodeEnvironment } from "../../../client/engine/node-environment.ts";
import { openEngine } from "../../../client/engine/open-engine.ts";
import { engineTraining } from "../../../client/participant/engine-training.ts";
import {
  campaignConfigSchema,
  type CampaignConfig,
} from "../../../protocol/round/campaign-config.ts";
import type { GoldenCase } from "../../../scripts/golden/golden-case.ts";
import { goldenW4 } from "../engine/golden-files.ts";

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

  function open(distillation: object) {
    const config: CampaignConfig = campaignConfigSchema.parse({
      model: "ab".repeat(32),
      preprocessing: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
      distillation: { localSteps: 3, batchSize: 4, ...distillation },
    });
    const { graph, layout, state: teacher } = golden.teacher;
    const training = engineTraining({ engine, images: golden.images, seed: new Uint8Array(16) });
    return training.open({ graph, layout, teacher, config });
  }

  const work = () => ({
    student: golden.student.state.slice(),
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

  it("[D3] keeps its velocity only from a round done to the one that follows", async () => {
    const trainer = await open({});
    velocities.length = 0;
    const train = (startStep: number, signal = work().signal) =>
      trainer.train({ ...work(), startStep, signal });
    await train(0);
    await train(3);
    await train(3);
    await train(6);
    await expect(train(6, AbortSignal.abort(new Error("given up")))).rejects.toThrow("given up");
    await train(6);
    trainer.close();
    expect(velocities).toEqual(["restart", "keep", "restart", "keep", "restart", "restart"]);
  });
});
