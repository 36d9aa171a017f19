import { describe, expect, it } from "vitest";
import type { DistillationSettings } from "../../../client/distil/local-distillation.ts";
import { measureSpeed } from "../../../client/distil/measure-speed.ts";
import type { Batch, Session, StepResult, StepSettings } from "../../../client/engine/engine.ts";

const SETTINGS: DistillationSettings = {
  localSteps: 20,
  batchSize: 8,
  learningRate: 0.1,
  momentum: 0.9,
  warmUp: 0,
  weightDecay: 5e-4,
  temperature: { from: 1, to: 4 },
  augmentation: { cropPadding: 1, horizontalFlip: true },
  normalisation: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
  adversary: null,
  sharpness: null,
  headShift: null,
};
const IMAGES = { count: 20, height: 4, width: 4, channels: 3, pixels: new Uint8Array(960) };

const POOL = Uint32Array.of(1, 4, 7, 9, 10, 11, 13, 14, 19);

function unused(): never {
  throw new Error("a benchmark takes steps only");
}

/**
 * A device that takes its steps one after the other and returns from `step` at once; only `results`
 * waits. Its clock is the time its host has passed.
 */
class LateDevice {
  time = 0;
  steps: StepSettings[] = [];
  readonly loaded: Float32Array[] = [];
  readonly #stepMs: (step: number) => number;
  #busyUntil = 0;

  constructor(stepMs: (step: number) => number) {
    this.#stepMs = stepMs;
  }

  get session(): Session {
    return {
      load: (state) => void this.loaded.push(state),
      step: async (batch: Batch, settings) => {
        expect(batch.size).toBe(8);
        this.#busyUntil = Math.max(this.time, this.#busyUntil) + this.#stepMs(this.steps.length);
        this.steps.push(settings);
      },
      results: async (): Promise<readonly StepResult[]> => {
        this.time = Math.max(this.time, this.#busyUntil);
        return [];
      },
      superviseStep: unused,
      gradient: unused,
      read: unused,
      logits: unused,
      trainingLogits: unused,
      perturbedLogits: unused,
      channelStatistics: unused,
      close: unused,
    };
  }
}

const STATE = new Float32Array(3);

function measure(device: LateDevice, hooks: Parameters<typeof measureSpeed>[2] = {}) {
  const benchmark = { session: device.session, images: IMAGES, pool: POOL, state: STATE };
  return measureSpeed(benchmark, SETTINGS, { now: () => device.time, ...hooks });
}

describe("the speed of local steps", () => {
  it("leaves the first step out and waits for steps that are still being done", async () => {
    const device = new LateDevice((step) => (step === 0 ? 60_000 : 10));
    expect(await measure(device)).toBeCloseTo(800, 9);
    // 1 + 2 + … + 128 steps of 10 ms are the first sum beyond two seconds.
    expect(device.steps).toHaveLength(1 + 255);
    expect(device.loaded).toEqual([STATE]);
    expect(new Set(device.steps.map(({ learningRate }) => learningRate))).toEqual(new Set([0]));
  });

  it("needs two steps of a slow device", async () => {
    const device = new LateDevice(() => 4000);
    expect(await measure(device)).toBeCloseTo(2, 9);
    expect(device.steps).toHaveLength(2);
  });

  it("does not count pauses", async () => {
    const device = new LateDevice(() => 500);
    const beforeRun = (): void => void (device.time += 1e6);
    expect(await measure(device, { beforeRun })).toBeCloseTo(16, 9);
  });

  it("ends with the signal's reason", async () => {
    const device = new LateDevice(() => 100);
    const controller = new AbortController();
    const beforeRun = (): void => {
      if (device.steps.length === 4) controller.abort(new Error("enough"));
    };
    const measuring = measure(device, { beforeRun, signal: controller.signal });
    await expect(measuring).rejects.toThrow("enough");
    expect(device.steps).toHaveLength(4);
  });
});
