import { expect, it } from "vitest";
import { StepMeter } from "../../../client/participant/step-meter.ts";

it("measures active time and rate, pauses left out, for steps told before and after one", () => {
  let time = 0;
  const meter = new StepMeter({ now: () => time, sleep: () => Promise.resolve() });
  time = 1000;
  meter.stepDone(50);
  expect(meter.imagesPerSecond).toBeCloseTo(50, 9);
  // Steps done in these 600 ms are told only after the pause.
  time = 1600;
  meter.pause();
  time = 60_000;
  meter.restart();
  time = 60_400;
  meter.stepDone(50);
  expect(meter.imagesPerSecond).toBeCloseTo(50, 9);
  expect(meter.seconds).toBeCloseTo(2, 9);
});
