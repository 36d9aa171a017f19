import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SessionReading } from "../../../../client/engine/engine.ts";
import type { WebgpuEngine } from "../../../../client/engine/webgpu/webgpu-engine.ts";
import { leastTraining, openOurs, pixelBatch, SETTINGS } from "./small-training.ts";

const STEPS = 6;

// Every device compiles its kernels anew.
const { openSession, student, train } = leastTraining();

describe("a lost device", () => {
  let engine: WebgpuEngine;
  let undisturbed: SessionReading;
  beforeAll(async () => {
    engine = await openOurs();
    undisturbed = await train(openSession(engine), STEPS);
  });
  afterAll(async () => {
    await engine.close();
  });

  const lose = async (): Promise<void> => (await engine.device()).gpu.destroy();

  it.each(Array.from({ length: STEPS + 1 }, (_, i) => i))(
    "after %i steps changes no bit of the training",
    async (lostAt) => {
      const session = openSession(engine);
      const device = await engine.device();
      const reading = await train(session, STEPS, async (step) => {
        if (step === lostAt) await lose();
      });
      if (lostAt === STEPS) await lose();
      expect(reading).toEqual(undisturbed);
      expect((await session.read()).state).toEqual(undisturbed.state);
      expect(await engine.device()).not.toBe(device);
      session.close();
    },
  );

  it("while a step is under way changes no bit either", async () => {
    const session = openSession(engine);
    const reading = await train(session, STEPS, async (step) => {
      if (step !== 2) return;
      const device = await engine.device();
      setTimeout(() => device.gpu.destroy(), 1);
    });
    expect(reading).toEqual(undisturbed);
    session.close();
  });

  it("between a step and its result tells each result once", async () => {
    const session = openSession(engine);
    session.load(student());
    const results = [];
    for (let step = 0; step < STEPS; step++) {
      await session.step(pixelBatch(step), SETTINGS);
      if (step === 1) results.push(...(await session.results()));
      if (step === 3) await lose();
    }
    results.push(...(await session.results()));
    expect(results).toEqual(undisturbed.results);
    session.close();
  });

  it("is no trouble for a gradient or logits, which need the student of the moment", async () => {
    expect(await askTwice(engine, lose)).toEqual(await askTwice(engine, async () => {}));
  });

  it("that is lost again and again ends in an error that says so", async () => {
    const session = openSession(engine);
    session.load(student());
    const hopeless = (async () => {
      for (let step = 0; step < 30; step++) {
        // Of two norm groups: done at once, and then one by one.
        await session.step(pixelBatch(step, 4), SETTINGS);
        await lose();
      }
    })();
    await expect(hopeless).rejects.toMatchObject({
      code: "device-failed",
      message: expect.stringMatching(/lost 3 times/) as string,
    });
    session.close();
  });
});

describe("a velocity kept from round to round", () => {
  it("survives the device, wherever it is lost, and tells only the later round's results", async () => {
    const engine = await openOurs();
    const undisturbed = await twoRounds(engine, true);
    expect(undisturbed.results).toHaveLength(2);
    expect(await twoRounds(engine, false)).toEqual(undisturbed);
    for (const readsFirst of [true, false]) {
      for (const lostAt of [2, 3, 4]) {
        const reading = await twoRounds(engine, readsFirst, async (step) => {
          if (step === lostAt) (await engine.device()).gpu.destroy();
        });
        expect(reading, `lost at ${lostAt}`).toEqual(undisturbed);
      }
    }
    const session = openSession(engine);
    session.load(student());
    for (let step = 2; step < 4; step++) await session.step(pixelBatch(step), SETTINGS);
    expect((await session.read()).state, "from rest").not.toEqual(undisturbed.state);
    await engine.close();
  });

  it("asks the device for nothing more when each round is read", async () => {
    const engine = await openOurs();
    const session = openSession(engine);
    session.load(student());
    for (let round = 0; round < 3; round++) {
      for (let step = 0; step < 2; step++) await session.step(pixelBatch(step), SETTINGS);
      const { state } = await session.read();
      session.load(state, "keep");
    }
    expect(engine.counters.maps).toBe(3);
    await engine.close();
  });
});

describe("a long training without a new student", () => {
  it("keeps every result and goes on from a safe point when the device is lost late", async () => {
    const steps = 70;
    const engine = await openOurs();
    const undisturbed = await train(openSession(engine), steps);
    expect(undisturbed.results).toHaveLength(steps);
    const session = openSession(engine);
    const again = await train(session, steps, async (step) => {
      if (step === 67) (await engine.device()).gpu.destroy();
    });
    expect(again).toEqual(undisturbed);
    await engine.close();
  });
});

async function askTwice(engine: WebgpuEngine, before: () => Promise<void>) {
  const session = openSession(engine);
  await train(session, 2);
  await before();
  const { gradient } = await session.gradient(pixelBatch(7), SETTINGS);
  await before();
  const logits = await session.logits("student", pixelBatch(8));
  session.close();
  return { gradient, logits };
}

/** Two rounds; whether the first is read is nothing to the second's velocity. */
async function twoRounds(
  engine: WebgpuEngine,
  readsFirst: boolean,
  before: (step: number) => Promise<void> = async () => {},
): Promise<SessionReading> {
  const session = openSession(engine);
  session.load(student());
  for (let step = 0; step < 2; step++) await session.step(pixelBatch(step), SETTINGS);
  if (readsFirst) await session.read();
  await before(2);
  session.load(student(), "keep");
  for (let step = 2; step < 4; step++) {
    await before(step + 1);
    await session.step(pixelBatch(step), SETTINGS);
  }
  const reading = await session.read();
  session.close();
  return reading;
}
