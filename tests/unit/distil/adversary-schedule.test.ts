import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShuffledBatches } from "../../../client/distil/batches.ts";
import {
  distilLocally,
  type DistillationSettings,
} from "../../../client/distil/local-distillation.ts";
import { measureSpeed } from "../../../client/distil/measure-speed.ts";
import { RandomStream } from "../../../protocol/random/random-stream.ts";
import { NO_WEAKNESSES, type Weaknesses } from "../../../client/distil/weaknesses.ts";
import type { AdversarySettings } from "../../../client/engine/adversary-settings.ts";
import type { VelocityAtLoad } from "../../../client/engine/engine.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { adversarySchema } from "../../../protocol/round/adversary.ts";
import { LinearSession } from "./linear-session.ts";

const SHAPE = { height: 1, width: 2, channels: 1 };
const MODEL = Float32Array.from([1, 0, 0, 1, 0, 0]);
const LAYOUT: StateLayout = { entries: [], slices: [], trainableLength: 6, length: 6 };
const IMAGES = { pixels: Uint8Array.from({ length: 20 }, (_, i) => 9 * i), count: 10, ...SHAPE };
const POOL = Uint32Array.from({ length: 10 }, (_, i) => i);

function settingsWith(adversary: object | null, localSteps: number): DistillationSettings {
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
    adversary: adversary && adversarySchema.parse(adversary),
    sharpness: null,
    headShift: null,
  };
}

interface Round {
  readonly startStep: number;
  readonly localSteps: number;
  readonly velocity: VelocityAtLoad;
}

/** The adversaries of the steps that these rounds take, one after the other. */
async function adversariesOf(
  adversary: object | null,
  rounds: readonly Round[],
  localSteps = 5,
  weaknesses: Weaknesses = NO_WEAKNESSES,
): Promise<(AdversarySettings | undefined)[]> {
  const session = new LinearSession(SHAPE, MODEL);
  const random = new RandomStream(new Uint8Array(16).fill(8));
  const batches = new ShuffledBatches(POOL, random);
  const resources = { session, layout: LAYOUT, images: IMAGES, batches, random };
  for (const round of rounds) {
    const assignment = { student: MODEL, totalSteps: 200, weaknesses, ...round };
    await distilLocally(resources, assignment, settingsWith(adversary, localSteps));
  }
  return session.steps.map((step) => step.adversary);
}

const restarts = (adversaries: readonly (AdversarySettings | undefined)[]): number[] =>
  adversaries.flatMap((adversary, step) => (adversary?.restart ? [step] : []));

describe("the adversary of local steps", () => {
  it("[D9.10.1] draws δ anew at a leg's first step, with the velocity, and every restartEvery steps of the leg", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        async (restartEvery, firstRound, localSteps, keeps) => {
          const velocity = keeps ? "keep" : "restart";
          const startStep = 5 * firstRound;
          const rounds = [
            { startStep, localSteps: 5, velocity: "restart" as const },
            { startStep: startStep + 5, localSteps, velocity } as const,
          ];
          const found = await adversariesOf({ restartEvery }, rounds);
          expect(found).toHaveLength(5 + localSteps);
          const wanted = found
            .map((_, step) => step)
            .filter(
              (step) =>
                step === 0 || (step === 5 && !keeps) || (startStep + step) % restartEvery === 0,
            );
          expect(restarts(found)).toEqual(wanted);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("[D9.1] tells the engine lengths of the whole image, and another δ at every restart", async () => {
    const rounds = [{ startStep: 0, localSteps: 5, velocity: "restart" as const }];
    const found = await adversariesOf({ restartEvery: 2, radius: 0.5, step: 0.5 }, rounds);
    for (const adversary of found) {
      expect(adversary!.radius).toBeCloseTo(0.5 * Math.SQRT2, 12);
      expect(adversary!.stepLength).toBeCloseTo(0.25 * Math.SQRT2, 12);
    }
    const drawn = found.flatMap((adversary) => adversary!.restart ?? []);
    expect(drawn).toHaveLength(3);
    for (const delta of drawn) {
      expect(delta).toHaveLength(2 + 2 * 8 * 8);
      expect(Math.hypot(...delta.subarray(0, 2))).toBeCloseTo(0.025 * Math.SQRT2, 6);
    }
    expect(new Set(drawn.map((delta) => delta.join())).size).toBe(3);
    expect(await adversariesOf({ restartEvery: 2, radius: 0.5, step: 0.5 }, rounds)).toEqual(found);
  });

  it("[D9.10.3] of single images restarts in every step by itself", async () => {
    const adversary = { scope: "per-image", ascents: 2, restartEvery: 2 };
    const rounds = [{ startStep: 0, localSteps: 4, velocity: "restart" as const }];
    const found = await adversariesOf(adversary, rounds);
    expect(found).toHaveLength(4);
    expect(found[0]).toMatchObject({ scope: "per-image", ascents: 2 });
    expect(restarts(found)).toEqual([]);
  });

  it("[D9.4] has a wave and a share of a shortcut on all copies of a step, as far as it wants them", async () => {
    const rounds = [{ startStep: 0, localSteps: 40, velocity: "restart" as const }];
    const shortcuts = [Float32Array.of(3, 0), Float32Array.of(0, 5)].map((values) => ({
      class: 1,
      values,
      share: 1,
      reach: 0.4,
    }));
    const patterns = async (
      changes: object,
      found: Weaknesses = { ...NO_WEAKNESSES, shortcuts },
    ): Promise<Float32Array[]> =>
      (await adversariesOf(changes, rounds, 40, found)).flatMap(
        (adversary) => adversary?.pattern ?? [],
      );
    expect(await patterns({ waves: null, shortcuts: null }, NO_WEAKNESSES)).toEqual([]);

    const ways = await patterns({ waves: null });
    expect(ways).toHaveLength(40);
    const [first, second] = [ways.filter(([, b]) => b === 0), ways.filter(([a]) => a === 0)];
    expect(first.length + second.length).toBe(40);
    expect(first.length).toBeGreaterThan(8);
    expect(second.length).toBeGreaterThan(8);
    const shares = [...first.map(([a]) => a! / 3), ...second.map(([, b]) => b! / 5)];
    expect(Math.min(...shares)).toBeGreaterThan(0);
    expect(Math.max(...shares)).toBeLessThan(1);
    expect(Math.max(...shares)).toBeGreaterThan(0.8);
    expect(Math.min(...shares)).toBeLessThan(0.2);

    // An image of two values: each wave is no longer than its radius times √2.
    const waves = await patterns({ shortcuts: null, waves: { radius: 0.2 } }, NO_WEAKNESSES);
    expect(waves).toHaveLength(40);
    for (const wave of waves) expect(Math.hypot(...wave)).toBeLessThan(0.2 * Math.SQRT2 + 1e-6);
    expect(new Set(waves.map((wave) => wave.join())).size).toBe(40);

    const both = await patterns({ waves: { radius: 0.2 } });
    expect(both).toHaveLength(40);
    expect(both.some((pattern) => Math.hypot(...pattern) > 1)).toBe(true);
    expect(both.every(([a, b]) => a !== 0 && b !== 0)).toBe(true);
    expect(await patterns({ waves: { radius: 0.2 } })).toEqual(both);
  });

  it("[D9.7] has a shortcut the more often the further a small one leads", async () => {
    const rounds = [{ startStep: 0, localSteps: 100, velocity: "restart" as const }];
    const shortcuts = [
      { class: 1, values: Float32Array.of(1, 0), share: 1, reach: 0.29 },
      { class: 1, values: Float32Array.of(0, 1), share: 1, reach: 0.89 },
      { class: 1, values: Float32Array.of(1, 1), share: 1, reach: 0 },
    ];
    const found = await adversariesOf({ waves: null }, rounds, 100, {
      ...NO_WEAKNESSES,
      shortcuts,
    });
    const patterns = found.map((adversary) => adversary!.pattern!);
    // .3² to .9² to .01², and as much as their mean for each: 22, 62 and 17 in 100.
    const first = patterns.filter(([a, b]) => a! > 0 && b === 0).length;
    const second = patterns.filter(([a, b]) => a === 0 && b! > 0).length;
    const third = 100 - first - second;
    expect(second).toBeGreaterThan(45);
    for (const count of [first, third]) {
      expect(count).toBeGreaterThan(4);
      expect(count).toBeLessThan(40);
    }
  });

  it("[D9.4] [D9.6.3] has a wave that misleads the teacher in its share of steps, and nothing else then", async () => {
    const rounds = [{ startStep: 0, localSteps: 200, velocity: "restart" as const }];
    // 1e3 shows where the shortcut is part of it.
    const shortcuts = [{ class: 1, values: Float32Array.of(1000, 1000), share: 1, reach: 1 }];
    const heatMap = { spacing: 1, waves: [{ down: 0, right: 1, share: 0.5 }] };
    const changes = { waves: { radius: 0.2, periods: 1 }, heatMap: { share: 0.25 } };
    const patterns = async (found: Weaknesses): Promise<Float32Array[]> =>
      (await adversariesOf(changes, rounds, 200, found)).map((adversary) => adversary!.pattern!);
    const both = await patterns({ ...NO_WEAKNESSES, shortcuts, heatMap });
    const waves = both.filter((pattern) => Math.hypot(...pattern) < 0.2 * Math.SQRT2 + 1e-6);
    expect(waves.length).toBeGreaterThan(25);
    expect(waves.length).toBeLessThan(80);
    const without = await patterns({ ...NO_WEAKNESSES, shortcuts });
    expect(without.filter((pattern) => Math.hypot(...pattern) < 1)).toHaveLength(0);
  });

  it("[D9.8] begins warps with what bends images and misleads the teacher, in its share of steps", async () => {
    const rounds = [{ startStep: 0, localSteps: 200, velocity: "restart" as const }];
    const bends = [
      { class: 1, values: Float32Array.of(8, 0, 0, 0, 0, 0, 0, 0), share: 1, reach: 0.89 },
      { class: 1, values: Float32Array.of(0, 8, 0, 0, 0, 0, 0, 0), share: 1, reach: 0.29 },
    ];
    const fields = async (changes: object, found = bends): Promise<(Float32Array | undefined)[]> =>
      (await adversariesOf(changes, rounds, 200, { ...NO_WEAKNESSES, bends: found })).map(
        (adversary) => adversary?.field,
      );
    const changes = { warp: { grid: 2 }, bends: { share: 0.25 } };
    const told = (await fields(changes)).filter((field) => field !== undefined);
    expect(told.length).toBeGreaterThan(25);
    expect(told.length).toBeLessThan(80);
    const [first, second] = [0, 1].map((at) => told.filter((field) => field[at]! > 0));
    expect(first!.length + second!.length).toBe(told.length);
    // .9² to .3², half of the time.
    expect(second!.length).toBeGreaterThan(0);
    expect(second!.length).toBeLessThan(first!.length);
    const sizes = told.map((field) => Math.hypot(...field) / 8);
    expect(Math.max(...sizes)).toBeLessThan(1);
    expect(Math.max(...sizes)).toBeGreaterThan(0.8);
    expect(Math.min(...sizes)).toBeLessThan(0.2);
    expect(new Set(await fields(changes, []))).toEqual(new Set([undefined]));
    expect(new Set(await fields({ ...changes, bends: null }))).toEqual(new Set([undefined]));
    expect(new Set(await fields({ warp: null }))).toEqual(new Set([undefined]));
  });

  it("[D9.7.1] goes on without shortcuts where a teacher has none", async () => {
    const rounds = [{ startStep: 0, localSteps: 2, velocity: "restart" as const }];
    const found = await adversariesOf({ waves: null }, rounds, 2);
    expect(found.map((adversary) => adversary?.pattern)).toEqual([
      Float32Array.of(0, 0),
      Float32Array.of(0, 0),
    ]);
  });

  it("[D4] [D9.14] is part of the gradient where K = 1", async () => {
    const rounds = [0, 1, 2, 3].map((startStep) => ({
      startStep,
      localSteps: 1,
      velocity: startStep === 0 ? ("restart" as const) : ("keep" as const),
    }));
    const found = await adversariesOf({ restartEvery: 3, weight: 0.5 }, rounds, 1);
    expect(found.map((adversary) => adversary?.weight)).toEqual([0.5, 0.5, 0.5, 0.5]);
    expect(restarts(found)).toEqual([0, 3]);
  });

  it("without one draws nothing: the same batches as ever", async () => {
    const rounds = [{ startStep: 0, localSteps: 5, velocity: "restart" as const }];
    expect(await adversariesOf(null, rounds)).toEqual(Array(5).fill(undefined));
  });

  it("[D9.11] [R11] is on while the device's speed is measured, and counts clean images alone", async () => {
    const session = new LinearSession(SHAPE, MODEL);
    let time = 0;
    await measureSpeed({ session, images: IMAGES, pool: POOL, state: MODEL }, settingsWith({}, 5), {
      now: () => (time += 700),
    }).then((speed) => expect(speed).toBeCloseTo((7 * 4) / 2.1, 9));
    const adversaries = session.steps.map((step) => step.adversary);
    expect(adversaries).toHaveLength(1 + 1 + 2 + 4);
    expect(adversaries).not.toContain(undefined);
    expect(restarts(adversaries)).toEqual([0]);
  });
});
