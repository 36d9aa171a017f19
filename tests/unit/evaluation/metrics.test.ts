import { describe, expect, it } from "vitest";
import {
  accuracy,
  agreementRate,
  attackSuccessRate,
  robustAccuracy,
} from "../../../client/evaluation/metrics.ts";

describe("metrics of a backdoored classifier", () => {
  // True labels; images 0 and 5 are of the target class already and do not count for ASR and RA.
  const labels = [0, 1, 2, 3, 1, 0, 2, 1];
  const answers = [0, 0, 0, 3, 1, 4, 5, 0];

  it("counts a stamped image as a success only when its true label is not the target", () => {
    expect(attackSuccessRate(answers, labels, 0)).toBe(3 / 6);
  });

  it("counts true answers to the same images as robust accuracy", () => {
    expect(robustAccuracy(answers, labels, 0)).toBe(2 / 6);
  });

  it("counts every image for accuracy and agreement", () => {
    expect(accuracy(answers, labels)).toBe(3 / 8);
    expect(agreementRate([1, 2, 3, 4], [1, 2, 0, 4])).toBe(3 / 4);
  });

  it("wants the next class of every image when all-to-all, the first after the last", () => {
    const target = { kind: "all-to-all", classes: 4 } as const;
    const truth = [0, 1, 2, 3, 3];
    // Wanted: 1, 2, 3, 0, 0.
    const given = [1, 1, 3, 0, 2];
    expect(attackSuccessRate(given, truth, target)).toBe(3 / 5);
    expect(robustAccuracy(given, truth, target)).toBe(1 / 5);
  });

  it("has no answer where nothing is counted", () => {
    expect(attackSuccessRate([0, 0], [0, 0], 0)).toBeNull();
    expect(robustAccuracy([0, 0], [0, 0], 0)).toBeNull();
    expect(accuracy([], [])).toBeNull();
  });
});
