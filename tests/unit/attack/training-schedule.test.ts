import { expect, it } from "vitest";
import { scheduledRate } from "../../../client/attack/training-schedule.ts";

const length = { epochs: 4, stepsPerEpoch: 5 };

it("falls as a cosine over all steps", () => {
  const [first, half, last] = [0, 10, 19].map((step) =>
    scheduledRate({ kind: "cosine" }, 0.2, step, length),
  );
  expect(first).toBe(0.2);
  expect(half).toBeCloseTo(0.1, 12);
  expect(last).toBeLessThan(0.01);
});

it("falls by the factor at the beginning of each milestone's epoch", () => {
  const schedule = { kind: "multi-step" as const, milestones: [1, 3], factor: 0.5 };
  const rates = [0, 4, 5, 14, 15, 19].map((step) => scheduledRate(schedule, 0.8, step, length));
  expect(rates).toEqual([0.8, 0.8, 0.4, 0.4, 0.2, 0.2]);
});
