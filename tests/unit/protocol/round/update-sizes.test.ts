import { describe, expect, it } from "vitest";
import { summariseSizes } from "../../../../protocol/round/update-sizes.ts";

const size = (norm: number, factor = 1, statisticsFactor = 1) => ({
  norm,
  statisticsNorm: 1,
  factor,
  statisticsFactor,
});

describe("the updates of a round beside one another", () => {
  it("[O5] smallest, lower median and largest, and how many were scaled down", () => {
    const sizes = [size(4, 0.5), size(1), size(2), size(3, 1, 0.9)];
    expect(summariseSizes(sizes)).toEqual({ smallest: 1, median: 2, largest: 4, clipped: 2 });
  });

  it("[O5] what rounding makes of 1 is no clipping", () => {
    expect(summariseSizes([size(1, 1 - 2 ** -52)])).toMatchObject({ clipped: 0 });
  });

  it("of none there is nothing to say", () => {
    expect(summariseSizes([])).toBeNull();
  });
});
