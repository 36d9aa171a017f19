import { describe, expect, it } from "vitest";
import { allclose } from "./to-be-allclose.ts";

describe("toBeAllclose", () => {
  it("bounds the relative L2 error, with a floor under the norm", () => {
    expect([3, 4.0004]).toBeAllclose([3, 4], { l2: 1e-4 });
    expect([3, 4.0006]).not.toBeAllclose([3, 4], { l2: 1e-4 });
    expect([0, 1e-5]).not.toBeAllclose([0, 0], { l2: 1e-4 });
    expect([0, 1e-5]).toBeAllclose([0, 0], { l2: 1e-4, floor: 1 });
    expect([0, 0]).toBeAllclose([0, 0], { l2: 0 });
  });

  it("bounds each element, as numpy does", () => {
    expect([100.5, 0.1]).toBeAllclose([100, 0], { rtol: 0.006, atol: 0.2 });
    expect([100.5, 0.1]).not.toBeAllclose([100, 0], { rtol: 0.006 });
    expect(1.25).toBeAllclose(1, { atol: 0.25 });
  });

  it("names the worst element, its index and both values", () => {
    expect(() => expect([1, 5, 2.5]).toBeAllclose([1, 2, 3], { l2: 0.1 })).toThrow(
      /relative L2 error 8\.13e-1, allowed 0\.1; worst element \[1\]: 5, expected 2/,
    );
    expect(allclose([1, 9, 3], [1, 2, 2], { atol: 0.5 }).message).toContain("2 of 3 elements");
  });

  it("lets no NaN, no infinity and no missing value pass", () => {
    for (const bad of [[1, Number.NaN], [1, Infinity], [1], [1, 2, 3]]) {
      expect(bad).not.toBeAllclose([1, 2], { l2: 0.5 });
      expect(bad).not.toBeAllclose([1, 2], { rtol: 0.5, atol: 0.5 });
    }
    expect([1, Number.NaN]).not.toBeAllclose([1, Number.NaN], { l2: 1, rtol: 1 });
  });

  it("wants a bound", () => {
    expect(() => expect([1]).toBeAllclose([1], {})).toThrow("needs a bound");
  });
});
