import { describe, expect, it } from "vitest";
import { learningRateAt, temperatureAt, warmUpAt } from "../../../../protocol/round/schedule.ts";

describe("[D2] schedules run on global progress", () => {
  it("temperature rises from just above 1 to 4, as released: 1.03 at step 0 of 100", () => {
    expect(temperatureAt({ step: 0, totalSteps: 100 })).toBeCloseTo(1.03, 12);
    expect(temperatureAt({ step: 49, totalSteps: 100 })).toBeCloseTo(2.5, 12);
    expect(temperatureAt({ step: 99, totalSteps: 100 })).toBe(4);
    expect(temperatureAt({ step: 1, totalSteps: 4 }, { from: 2, to: 1 })).toBe(1.5);
  });

  it("learning rate falls as half a cosine from its peak", () => {
    expect(learningRateAt({ step: 0, totalSteps: 10 }, 0.03)).toBe(0.03);
    expect(learningRateAt({ step: 5, totalSteps: 10 }, 0.03)).toBeCloseTo(0.015, 12);
    expect(learningRateAt({ step: 9, totalSteps: 10 }, 1)).toBeCloseTo(0.0244717, 6);
  });

  it("a warm-up rises step by step to 1, and is nothing without a share", () => {
    const rates = [0, 1, 2, 3, 4, 9].map((step) => warmUpAt({ step, totalSteps: 10 }, 0.4));
    expect(rates).toEqual([0.25, 0.5, 0.75, 1, 1, 1]);
    expect(warmUpAt({ step: 0, totalSteps: 10 }, 0)).toBe(1);
    expect(warmUpAt({ step: 0, totalSteps: 10 }, 0.05)).toBe(1);
  });

  it.each([-1, 10, 2.5, Number.NaN])("refuses step %d of 10", (step) => {
    expect(() => temperatureAt({ step, totalSteps: 10 })).toThrow(RangeError);
    expect(() => learningRateAt({ step, totalSteps: 10 }, 1)).toThrow("one of the campaign's 10");
    expect(() => warmUpAt({ step, totalSteps: 10 }, 0)).toThrow("one of the campaign's 10");
  });
});
