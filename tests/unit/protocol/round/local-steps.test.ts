import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  campaignConfigSchema,
  normGroupSize,
  type CampaignConfig,
} from "../../../../protocol/round/campaign-config.ts";
import { assignmentSize } from "../../../../protocol/round/local-steps.ts";

function configOf(
  localSteps: number,
  batchSize: number,
  deadlineSeconds: number,
  more: { normGroupSize?: number } = {},
): CampaignConfig {
  return campaignConfigSchema.parse({
    model: "ab".repeat(32),
    preprocessing: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    distillation: { localSteps, batchSize, ...more },
    round: { deadlineSeconds },
  });
}

describe("the size of an assignment", () => {
  // 100 s, three fifths of them for steps of 50 images: at v images/s there is time for 1.2·v steps.
  const config = configOf(20, 50, 100);

  it.each([
    [10, 100_000, 12],
    [10, 50_000, 6],
    [10, 16_667, 2],
    [100, 100_000, 20],
    [1e7, 1000, 20],
    [16.66, 100_000, 19],
    [5 / 3, 100_000, 2],
  ])("[R12] at %f images/s and %i ms to the deadline it is %i steps", (speed, left, localSteps) => {
    expect(assignmentSize(config, speed, left)).toEqual({ kind: "steps", localSteps });
  });

  it("[R12.2] is the campaign's own where nothing is reported, or K is 1", () => {
    expect(assignmentSize(config, undefined, 1)).toEqual({ kind: "steps", localSteps: 20 });
    const single = configOf(1, 50, 100);
    expect(assignmentSize(single, 0.001, 1)).toEqual({ kind: "steps", localSteps: 1 });
  });

  it("[R13] tells a device that is too slow from one that came too late", () => {
    expect(assignmentSize(config, 1.66, 100_000)).toEqual({
      kind: "too-slow",
      neededImagesPerSecond: 1.67,
    });
    expect(assignmentSize(config, 10, 16_666)).toEqual({ kind: "too-late" });
    expect(assignmentSize(config, 10, -5)).toEqual({ kind: "too-late" });
  });

  it("[M9.10] is all of the steps or none in a private campaign", () => {
    const hides: CampaignConfig = {
      ...config,
      privacy: {
        kind: "two-operators",
        helper: { url: "https://helper.test", key: "ab".repeat(32) },
        organisations: [],
        minimum: 3,
        clipNorm: 1,
      },
    };
    expect(assignmentSize(hides, 17, 100_000)).toEqual({ kind: "steps", localSteps: 20 });
    expect(assignmentSize(hides, 17, 90_000)).toEqual({ kind: "too-late" });
    expect(assignmentSize(hides, 16, 100_000)).toEqual({
      kind: "too-slow",
      neededImagesPerSecond: 16.67,
    });
  });

  it("[R12] [R13] never exceeds K or the time, wastes no step, and the speed it asks for will do", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 10_000 }),
        fc.integer({ min: 2, max: 4096 }),
        fc.integer({ min: 1, max: 86_400 }),
        fc.double({ min: 1e-6, max: 1e7, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (localSteps, batchSize, deadlineSeconds, speed, share) => {
          const drawn = configOf(localSteps, batchSize, deadlineSeconds);
          const remainingMs = Math.floor(share * 1000 * deadlineSeconds);
          const size = assignmentSize(drawn, speed, remainingMs);
          const secondsFor = (steps: number): number => (steps * batchSize) / speed;
          const available = (0.6 * remainingMs) / 1000;
          const rounding = 1 + 1e-9;
          if (size.kind === "steps") {
            expect(size.localSteps).toBeGreaterThanOrEqual(2);
            expect(size.localSteps).toBeLessThanOrEqual(localSteps);
            expect(secondsFor(size.localSteps)).toBeLessThanOrEqual(available * rounding);
            if (size.localSteps < localSteps) {
              expect(secondsFor(size.localSteps + 1) * rounding).toBeGreaterThan(available);
            }
          } else {
            expect(secondsFor(2) * rounding).toBeGreaterThan(available);
          }
          if (size.kind === "too-slow") {
            expect(size.neededImagesPerSecond).toBeGreaterThan(speed / rounding);
            const faster = size.neededImagesPerSecond * rounding;
            expect(assignmentSize(drawn, faster, 1000 * deadlineSeconds).kind).toBe("steps");
          }
        },
      ),
    );
  });
});

describe("norm groups", () => {
  it("[D7.2] are the whole batch unless the campaign says otherwise", () => {
    expect(normGroupSize(configOf(4, 48, 100))).toBe(48);
    expect(normGroupSize(configOf(4, 48, 100, { normGroupSize: 16 }))).toBe(16);
  });

  it.each([
    [48, 1],
    [48, 32],
    [48, 96],
    [48, 2.5],
    [48, 0],
  ])("[D7.2] of a batch of %i are refused at %f", (batchSize, size) => {
    expect(() => configOf(4, batchSize, 100, { normGroupSize: size })).toThrow(/normGroupSize/);
  });
});
