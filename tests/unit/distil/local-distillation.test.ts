import { NO_WEAKNESSES } from "../../../client/distil/weaknesses.ts";
import { beforeAll, describe, expect, it } from "vitest";
import { ShuffledBatches } from "../../../client/distil/batches.ts";
import {
  distilLocally,
  type DistillationSettings,
  type LocalAssignment,
  type LocalHooks,
  type LocalUpdate,
  type StepProgress,
} from "../../../client/distil/local-distillation.ts";
import { placedBatch } from "../../../client/distil/augment.ts";
import { gatherPixels } from "../../../client/images/image-set.ts";
import { RandomStream } from "../../../protocol/random/random-stream.ts";
import { learningRateAt, temperatureAt } from "../../../protocol/round/schedule.ts";
import type { Batch, Engine, StepSettings } from "../../../client/engine/engine.ts";
import { nodeEnvironment } from "../../../client/engine/opening/node-environment.ts";
import { openEngine } from "../../../client/engine/opening/open-engine.ts";
import type { GoldenCase } from "../../../scripts/golden/golden-case.ts";
import { goldenW4 } from "../engine/golden-files.ts";

function stream(): RandomStream {
  return new RandomStream(new Uint8Array(16).fill(4));
}

/** A clock that a step moves on by so many milliseconds. */
function steppedClock(ms: number): Required<Pick<LocalHooks, "beforeStep" | "now">> {
  let time = 0;
  return { now: () => time, beforeStep: () => void (time += ms) };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
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
      warmUp: 0,
      weightDecay: 5e-3,
      temperature: { from: 1, to: 4 },
      augmentation: { cropPadding: 2, horizontalFlip: true },
      normalisation: golden.run.normalisation,
      adversary: null,
      sharpness: null,
      headShift: null,
    };
  });

  async function distil(
    changes: Partial<DistillationSettings> = {},
    hooks: LocalHooks = {},
    assigned = changes.localSteps ?? settings.localSteps,
  ): Promise<LocalUpdate> {
    const { graph, layout, state } = golden.teacher;
    const session = engine.openSession({ graph, layout, teacher: state });
    const random = stream();
    const batches = new ShuffledBatches(golden.images.count, random);
    const { images } = golden;
    const { state: student } = golden.student;
    const assignment: LocalAssignment = {
      student,
      startStep: 6,
      totalSteps: 30,
      localSteps: assigned,
      velocity: "restart",
      weaknesses: NO_WEAKNESSES,
    };
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
      placedBatch(
        golden.images,
        gatherPixels(golden.images, batches.next(settings.batchSize)),
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
      await session.step(batch, step);
      losses.push(...(await session.results()).map((result) => result.loss));
    }
    const { state: local } = await session.read();
    session.close();
    const { update, loss, examples } = await distil();
    expect(update).toEqual(golden.student.state.map((value, i) => value - local[i]!));
    expect(loss).toBeCloseTo((losses[0]! + losses[1]! + losses[2]!) / 3, 12);
    expect(examples).toBe(12);
  });

  it("[D2] rises to the schedule where there is a warm-up, by the leg's steps", async () => {
    // Steps 6, 7 and 8 of 30: from the ninth on it is as without.
    const warm = await distil({ warmUp: 0.3 });
    const whole = await distil({ warmUp: 0.2 });
    const length = ({ update }: typeof warm): number =>
      Math.hypot(...update.subarray(0, golden.teacher.layout.trainableLength));
    expect(whole).toEqual({ ...(await distil()), seconds: whole.seconds });
    expect(length(warm)).toBeLessThan(length(whole));
  });

  it("[D8] takes the round's first k steps, and sends θ_round − θ_local also for k = 1", async () => {
    const { graph, layout, state } = golden.teacher;
    const session = engine.openSession({ graph, layout, teacher: state });
    session.load(golden.student.state);
    const progress = { step: 6, totalSteps: 30 };
    await session.step(drawBatches(1)[0]!, {
      learningRate: learningRateAt(progress, 0.1),
      temperature: temperatureAt(progress),
      momentum: 0.9,
      weightDecay: 5e-3,
    });
    const { state: local } = await session.read();
    session.close();
    const one = await distil({}, {}, 1);
    expect(one.update).toEqual(golden.student.state.map((value, i) => value - local[i]!));
    expect(one.examples).toBe(4);
    const two = await distil({}, {}, 2);
    expect(two).toMatchObject({ update: (await distil({ localSteps: 2 })).update, examples: 8 });
    await expect(distil({}, {}, 4)).rejects.toThrow(/4 steps.*3 a round/);
    await expect(distil({}, {}, 0)).rejects.toThrow(RangeError);
  });

  it("[D4] sends the gradient with weight decay for K = 1, and r_round − r_local", async () => {
    const { graph, layout, state } = golden.teacher;
    const session = engine.openSession({ graph, layout, teacher: state });
    session.load(golden.student.state);
    const temperature = temperatureAt({ step: 6, totalSteps: 30 });
    const [batch] = drawBatches(1);
    const { gradient } = await session.gradient(batch!, { temperature, weightDecay: 0 });
    const { state: local } = await session.read();
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

  it("reports every step once, in order, and measures time by the clock it is given", async () => {
    const reports: StepProgress[] = [];
    const clock = steppedClock(400);
    const { seconds, agreement, loss } = await distil(
      { localSteps: 7 },
      { ...clock, onProgress: (progress) => reports.push(progress) },
    );
    const steps = reports.map((report) => [report.step, report.localSteps, report.examples]);
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7].map((step) => [step, 7, 4 * step]));
    // Asked after 1.2 s and 2.4 s, when more than a second had passed; the last come with the state.
    const newest = reports.filter((report) => report.isNewest);
    expect(newest.map((report) => report.step)).toEqual([3, 6, 7]);
    expect(reports.map((report) => report.seconds)).toEqual([1.2, 1.2, 1.2, 2.4, 2.4, 2.4, 2.8]);
    expect(seconds).toBe(2.8);
    expect(agreement).toBeCloseTo(mean(reports.map((report) => report.agreement)), 12);
    expect(loss).toBeCloseTo(mean(reports.map((report) => report.loss)), 12);
    expect(new Set(reports.map((report) => report.loss)).size).toBe(7);
  });

  it("gives the same update however often it asks for results", async () => {
    const losses: number[] = [];
    const often = await distil(
      {},
      { ...steppedClock(5000), onProgress: ({ loss }) => losses.push(loss) },
    );
    const once: number[] = [];
    const seldom = await distil(
      {},
      { ...steppedClock(0), onProgress: ({ loss }) => once.push(loss) },
    );
    expect(often.update).toEqual(seldom.update);
    expect(once).toEqual(losses);
  });

  it("stops before the next step when aborted, with the signal's reason", async () => {
    const controller = new AbortController();
    let steps = 0;
    const running = distil(
      {},
      {
        ...steppedClock(2000),
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
    let time = 0;
    const running = distil(
      {},
      {
        now: () => (time += 2000),
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
