import { describe, expect, it } from "vitest";
import { clipFactor } from "../../edge/aggregation/norm-clipped-mean.ts";
import { combiningRule } from "../../edge/aggregation/configured-rule.ts";
import {
  averageStatistics,
  initialSecondMoment,
  serverStep,
} from "../../edge/aggregation/server-optimizer.ts";
import { serverRate } from "../../edge/aggregation/server-rate.ts";
import { placeOf } from "../../protocol/round/timeline.ts";
import {
  campaignConfigSchema,
  type ServerOptimizer,
} from "../../protocol/round/campaign-config.ts";

const THETA = [1, -2, 0.5, 0];
const DELTAS = [
  [0.5, -0.25, 1e-4, 0],
  [-0.1, 0.5, 1e-4, 0],
  [0.25, 0.125, -2e-4, 0],
];

/** Algorithm 2 of Reddi et al. 2021 written out for one coordinate, in float64. */
function byHand(optimizer: ServerOptimizer, theta: number, deltas: readonly number[]): number {
  let x = theta;
  let m = 0;
  let v = optimizer.kind === "sgd" ? 0 : optimizer.tau * optimizer.tau;
  for (const delta of deltas) {
    if (optimizer.kind === "sgd") {
      m = optimizer.momentum * m + delta;
      x -= optimizer.learningRate * m;
      continue;
    }
    m = optimizer.beta1 * m + (1 - optimizer.beta1) * delta;
    if (optimizer.kind === "adam") {
      v = optimizer.beta2 * v + (1 - optimizer.beta2) * delta ** 2;
    } else {
      v -= (1 - optimizer.beta2) * delta ** 2 * Math.sign(v - delta ** 2);
    }
    x -= (optimizer.learningRate * m) / (Math.sqrt(v) + optimizer.tau);
  }
  return x;
}

const adaptive = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, tau: 1e-3 };

const configOf = (localSteps: number) =>
  campaignConfigSchema.parse({
    model: "0".repeat(64),
    preprocessing: { mean: [0, 0, 0], std: [1, 1, 1] },
    distillation: { rounds: 4, localSteps, learningRate: 0.2 },
    aggregation: { server: { kind: "sgd", learningRate: 0.5 } },
  });

const rateOf = (localSteps: number, round: number) =>
  serverRate(configOf(localSteps), placeOf(configOf(localSteps), round));

describe("server optimisers", () => {
  it.each<ServerOptimizer>([
    { kind: "sgd", learningRate: 0.5, momentum: 0 },
    { kind: "sgd", learningRate: 0.5, momentum: 0.9 },
    { kind: "adam", ...adaptive },
    { kind: "yogi", ...adaptive },
  ])("[O2] $kind follows algorithm 2 over three rounds", (optimizer) => {
    const theta = Float32Array.from(THETA);
    const first = new Float32Array(4);
    const second = new Float32Array(4).fill(initialSecondMoment(optimizer));
    for (const delta of DELTAS) {
      serverStep(optimizer, optimizer.learningRate, theta, Float64Array.from(delta), {
        first: optimizer.kind === "sgd" && optimizer.momentum === 0 ? undefined : first,
        second,
      });
    }
    THETA.forEach((start, i) => {
      const expected = byHand(
        optimizer,
        start,
        DELTAS.map((delta) => delta[i]!),
      );
      // float32 state between rounds.
      expect(Math.abs(theta[i]! - expected)).toBeLessThan(1e-6);
    });
  });

  it("[O2] the first Adam step, worked out by hand", () => {
    // m = .1·.5 = .05; v = .99·10⁻⁶ + .01·.25 = .00250099; θ = 1 − .1·.05/(√v + .001)
    const theta = Float32Array.of(1);
    const moments = { first: new Float32Array(1), second: Float32Array.of(1e-6) };
    serverStep({ kind: "adam", ...adaptive }, 0.1, theta, Float64Array.of(0.5), moments);
    expect(theta[0]).toBeCloseTo(1 - 0.005 / (0.050009899 + 0.001), 6);
    expect(moments.first[0]).toBeCloseTo(0.05, 8);
    expect(moments.second[0]).toBeCloseTo(0.00250099, 8);
  });

  it("[O2] the first Yogi step, worked out by hand", () => {
    // v = 10⁻⁶ − .01·.25·sign(10⁻⁶ − .25) = .002501
    const theta = Float32Array.of(1);
    const moments = { first: new Float32Array(1), second: Float32Array.of(1e-6) };
    serverStep({ kind: "yogi", ...adaptive }, 0.1, theta, Float64Array.of(0.5), moments);
    expect(moments.second[0]).toBeCloseTo(0.002501, 8);
    expect(theta[0]).toBeCloseTo(1 - 0.005 / (Math.sqrt(0.002501) + 0.001), 6);
  });

  it("[O2] a moment that is missing is an error, not zero", () => {
    const [theta, delta] = [new Float32Array(1), new Float64Array(1)];
    expect(() => serverStep({ kind: "adam", ...adaptive }, 1, theta, delta, {})).toThrow(TypeError);
  });

  it("[O4] statistics are averaged, and a variance never falls below zero", () => {
    const statistics = Float32Array.of(1, 0.25, 0.5, -3);
    averageStatistics(statistics, Float64Array.of(0.5, 0.5, 0.25, 0.5), [{ from: 1, to: 3 }]);
    expect([...statistics]).toEqual([0.5, 0, 0.25, -3.5]);
  });

  it("[O3] at one local step the cosine schedule is the server's", () => {
    expect([0, 1, 2, 3].map((round) => rateOf(5, round))).toEqual([0.5, 0.5, 0.5, 0.5]);
    expect(rateOf(1, 0)).toBeCloseTo(0.1, 12);
    expect(rateOf(1, 2)).toBeCloseTo(0.05, 12);
    expect(rateOf(1, 3)).toBeCloseTo(0.05 * (1 - Math.SQRT1_2), 12);
  });
});

describe("combining rules", () => {
  it("[O1] the mean weighs by examples", () => {
    expect(combiningRule({ kind: "mean" }).combination({ weights: [1, 3] })).toEqual({
      trainable: [1, 3],
      statistics: [1, 3],
      divisor: 4,
    });
  });

  it("[O1] norm clipping scales what is too long, and trainable values only", () => {
    const rule = combiningRule({ kind: "norm-clipped-mean", clipNorm: 5 });
    const { trainable, statistics, divisor } = rule.combination({
      weights: [1, 3, 2],
      squaredNorms: [25, 100, 0],
    });
    expect(trainable).toEqual([1, 1.5, 2]);
    expect(statistics).toEqual([1, 3, 2]);
    expect(divisor).toBe(6);
  });

  it("[O1] a clipped update has the clip norm", () => {
    for (const norm of [1e-3, 0.99, 1, 1.01, 7, 1e6]) {
      expect(clipFactor(1, norm ** 2) * norm).toBeCloseTo(Math.min(1, norm), 12);
    }
  });

  it("norm clipping without norms is an error", () => {
    const rule = combiningRule({ kind: "norm-clipped-mean", clipNorm: 5 });
    expect(() => rule.combination({ weights: [1] })).toThrow(TypeError);
  });
});
