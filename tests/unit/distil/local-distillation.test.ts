import { beforeAll, describe, expect, it } from "vitest";
import { ShuffledBatches } from "../../../client/distil/batches.ts";
import {
  distilLocally,
  type DistillationSettings,
  type LocalHooks,
  type LocalUpdate,
  type StepProgress,
} from "../../../client/distil/local-distillation.ts";
import { augmentedBatch } from "../../../client/distil/augment.ts";
import { RandomStream } from "../../../client/distil/random.ts";
import { learningRateAt, temperatureAt } from "../../../protocol/round/schedule.ts";
import type { Batch, Engine, StepSettings } from "../../../client/engine/engine.ts";
import { nodeEnvironment } from "../../../client/engine/node-environment.ts";
import { openEngine } from "../../../client/engine/open-engine.ts";
import type { GoldenCase } from "../../../scripts/golden/golden-case.ts";
import { goldenW4 } from "../engine/golden-files.ts";

function stream(): RandomStream {
  return new RandomStream(new Uint8Array(16).fill(4));
}

describe("local distillation", () => {
  let engine: Engine;
  let golden: GoldenCase;
  let settings: DistillationSettings;
  beforeAll(async () => {
    engine = await openEngine({ backend: "wasm", environment: nodeEnvironment() });
    golden = await goldenW4();
    settings = {
      localSteps: 3,
      batchSize: 4,
      learningRate: 0.1,
      momentum: 0.9,
      weightDecay: 5e-3,
      temperature: { from: 1, to: 4 },
      augmentation: { cropPadding: 2, horizontalFlip: true },
      normalisation: golden.run.normalisation,
    };
  });

  async function distil(
    changes: Partial<DistillationSettings> = {},
    hooks: LocalHooks = {},
  ): Promise<LocalUpdate> {
    const { graph, layout, state } = golden.teacher;
    const session = engine.openSession({ graph, layout, teacher: state });
    const random = stream();
    const batches = new ShuffledBatches(golden.images.count, random);
    const { images } = golden;
    const assignment = { student: golden.student.state, startStep: 6, totalSteps: 30 };
    try {
      const resources = { session, layout, images, batches, random };
      return await distilLocally(resources, assignment, { ...settings, ...changes }, hooks);
    } finally {
      session.close();
    }
  }

  /** The batches that `distil` draws. */
  function drawBatches(count: number): Batch[] {
    const random = stream();
    const batches = new ShuffledBatches(golden.images.count, random);
    return Array.from({ length: count }, () =>
      augmentedBatch(
        golden.images,
        batches.next(settings.batchSize),
        settings.normalisation,
        settings.augmentation,
        random,
      ),
    );
  }

  it("[D4] sends θ_round − θ_local after K steps on the campaign's schedule", async () => {
    const { graph, layout, state } = golden.teacher;
    const session = engine.openSession({ graph, layout, teacher: state });
    session.load(golden.student.state);
    const losses: number[] = [];
    for (const [k, batch] of drawBatches(3).entries()) {
      const progress = { step: 6 + k, totalSteps: 30 };
      const step: StepSettings = {
        learningRate: learningRateAt(progress, 0.1),
        temperature: temperatureAt(progress),
        momentum: 0.9,
        weightDecay: 5e-3,
      };
      losses.push((await session.step(batch, step)).loss);
    }
    const local = await session.read();
    session.close();
    const { update, loss, examples } = await distil();
    expect(update).toEqual(golden.student.state.map((value, i) => value - local[i]!));
    expect(loss).toBeCloseTo((losses[0]! + losses[1]! + losses[2]!) / 3, 12);
    expect(examples).toBe(12);
  });

  it("[D4] sends the gradient with weight decay for K = 1, and r_round − r_local", async () => {
    const { graph, layout, state } = golden.teacher;
    const session = engine.openSession({ graph, layout, teacher: state });
    session.load(golden.student.state);
    const temperature = temperatureAt({ step: 6, totalSteps: 30 });
    const [batch] = drawBatches(1);
    const { gradient } = await session.gradient(batch!, { temperature, weightDecay: 0 });
    const local = await session.read();
    session.close();
    const { update, examples } = await distil({ localSteps: 1 });
    expect(examples).toBe(4);
    const { trainableLength, length } = layout;
    for (let i = 0; i < trainableLength; i++) {
      const expected = gradient[i]! + 5e-3 * golden.student.state[i]!;
      expect(Math.abs(update[i]! - expected)).toBeLessThan(1e-6 * (1 + Math.abs(expected)));
    }
    let moved = 0;
    for (let i = trainableLength; i < length; i++) {
      expect(update[i]).toBe(Math.fround(golden.student.state[i]! - local[i]!));
      if (update[i] !== 0) moved++;
    }
    expect(moved).toBeGreaterThan((length - trainableLength) / 2);
  });

  it("reports every step and measures time by the clock it is given", async () => {
    const reports: StepProgress[] = [];
    let time = 0;
    const { seconds, agreement } = await distil(
      {},
      { onProgress: (progress) => reports.push(progress), now: () => (time += 500) },
    );
    expect(reports.map(({ step, localSteps, examples }) => [step, localSteps, examples])).toEqual([
      [1, 3, 4],
      [2, 3, 8],
      [3, 3, 12],
    ]);
    expect(reports.map((report) => report.seconds)).toEqual([0.5, 1, 1.5]);
    expect(seconds).toBe(2);
    const mean = reports.reduce((sum, report) => sum + report.agreement, 0) / 3;
    expect(agreement).toBeCloseTo(mean, 12);
  });

  it("stops before the next step when aborted, with the signal's reason", async () => {
    const controller = new AbortController();
    let steps = 0;
    const running = distil(
      {},
      {
        signal: controller.signal,
        onProgress: () => {
          steps++;
          controller.abort(new Error("the user stopped"));
        },
      },
    );
    await expect(running).rejects.toThrow("the user stopped");
    expect(steps).toBe(1);
  });

  it("waits while its host holds it before a step", async () => {
    const gate = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const events: string[] = [];
    const running = distil(
      {},
      {
        beforeStep: async (step) => {
          events.push(`before ${step}`);
          if (step !== 1) return;
          held.resolve();
          await gate.promise;
        },
        onProgress: ({ step }) => events.push(`done ${step}`),
      },
    );
    await held.promise;
    expect(events).toEqual(["before 0", "done 1", "before 1"]);
    gate.resolve();
    await running;
    expect(events).toEqual(["before 0", "done 1", "before 1", "done 2", "before 2", "done 3"]);
  });
});
