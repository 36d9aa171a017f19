import { describe, expect, it } from "vitest";
import { clipFactor } from "../../edge/aggregation/rule.ts";
import { boundStatistic } from "../../edge/aggregation/bound-statistics.ts";
import { chosenRule } from "../../edge/aggregation/configured-rule.ts";
import {
  averageStatistics,
  initialSecondMoment,
  serverStep,
} from "../../edge/aggregation/server-optimizer.ts";
import { serverRate } from "../../edge/aggregation/server-rate.ts";
import { placeOf } from "../../protocol/round/timeline.ts";
import type { AggregationRule } from "../../protocol/round/aggregation-rule.ts";
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

const configOf = (localSteps: number, warmUp = 0) =>
  campaignConfigSchema.parse({
    model: "0".repeat(64),
    preprocessing: { mean: [0, 0, 0], std: [1, 1, 1] },
    distillation: { rounds: 4, localSteps, learningRate: 0.2, warmUp },
    aggregation: { server: { kind: "sgd", learningRate: 0.5 } },
  });

const rateOf = (localSteps: number, round: number, warmUp = 0) =>
  serverRate(configOf(localSteps, warmUp), placeOf(configOf(localSteps), round));

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
    expect(rateOf(1, 0, 0.5)).toBeCloseTo(0.05, 12);
    expect(rateOf(1, 2, 0.5)).toBeCloseTo(0.05, 12);
    expect(rateOf(5, 0, 0.5)).toBe(0.5);
  });
});

interface Sizes {
  readonly weights?: readonly number[];
  readonly statisticsNorms?: readonly number[];
  readonly earlierNorm?: number;
}

/** What a rule takes of contributions of these sizes; what is left out is alike for all. */
function factorsOf(rule: AggregationRule, norms: readonly number[], others: Sizes = {}) {
  const { earlierNorm } = others;
  const contributions = norms.map((norm, i) => ({
    members: [`p-${i}`],
    party: `invite-${i}`,
    organisation: null,
    weight: others.weights?.[i] ?? 1,
    norm,
    statisticsNorm: others.statisticsNorms?.[i] ?? 1,
  }));
  const { taken } = chosenRule(settings(rule), contributions).rule.combine({
    contributions,
    order: norms.map((_, i) => i),
    ...(earlierNorm !== undefined && { earlierNorm }),
  });
  return {
    trainable: taken.map(({ trainable }) => trainable),
    statistics: taken.map(({ statistics }) => statistics),
  };
}

function settings(rule: AggregationRule) {
  return {
    rule,
    hostile: 1,
    mixing: { kind: "none" as const },
    server: { kind: "sgd" as const, learningRate: 1, momentum: 0 },
  };
}

describe("combining rules", () => {
  it("[O1] the mean takes everything as it is", () => {
    expect(factorsOf({ kind: "mean" }, [1, 1e9], { weights: [1, 3] })).toEqual({
      trainable: [1, 1],
      statistics: [1, 1],
    });
    expect(chosenRule(settings({ kind: "mean" }), []).rule.boundsStatistics).toBe(false);
  });

  it("[O1] norm clipping scales what is too long, and trainable values only", () => {
    const rule = { kind: "norm-clipped-mean", clipNorm: 5 } as const;
    const { trainable, statistics } = factorsOf(rule, [5, 10, 0]);
    expect(trainable).toEqual([1, 0.5, 1]);
    expect(statistics).toEqual([1, 1, 1]);
  });

  it("[O1] a clipped update has the clip norm", () => {
    for (const norm of [1e-3, 0.99, 1, 1.01, 7, 1e6]) {
      expect(clipFactor(1, norm) * norm).toBeCloseTo(Math.min(1, norm), 12);
    }
  });
});

const factors = (norms: readonly number[], others?: Sizes) =>
  factorsOf({ kind: "median-clipped-mean" }, norms, others);

const longest = (norms: readonly number[], weights = norms.map(() => 1)): number => {
  const { trainable } = factors(norms, { weights });
  return Math.max(...norms.map((norm, i) => trainable[i]! * norm));
};

describe("clipping to the median", () => {
  it("[O5] no update is longer than the median of all, however long it was", () => {
    const { trainable } = factors([3, 1, 1e30, 2, 2.5]);
    expect(trainable).toEqual([2.5 / 3, 1, 2.5e-30, 1, 1]);
  });

  it("[O5] of an even number the lower middle counts: one of two lengthens nothing", () => {
    expect(longest([1, 1e6])).toBe(1);
    expect(longest([1e6, 1e6, 1, 2])).toBe(2);
  });

  it("[O5] as many as half of the participants cannot raise the bound above an honest norm", () => {
    for (let honest = 1; honest <= 6; honest++) {
      for (let liars = 0; liars <= honest; liars++) {
        const norms = Array.from({ length: honest + liars }, (_, i) => (i < honest ? i + 1 : 1e9));
        expect(longest(norms)).toBeLessThanOrEqual(honest);
      }
    }
  });

  it("[O5] norms are compared by weight, so that assignments of fewer steps keep theirs", () => {
    const { trainable } = factors([4, 2, 2, 40], { weights: [4, 2, 1, 4] });
    expect(trainable).toEqual([1, 1, 0.5, 0.1]);
  });

  it("[O5] what weighs nothing is not asked", () => {
    const { trainable } = factors([2, 1e-9, 1e-9], { weights: [1, 0, 0] });
    expect(trainable[0]).toBe(1);
  });

  it("[O5] statistics are clipped by norms of their own", () => {
    const { trainable, statistics } = factors([1, 1, 1], { statisticsNorms: [0.5, 1, 4] });
    expect(trainable).toEqual([1, 1, 1]);
    expect(statistics).toEqual([1, 1, 0.25]);
  });

  it("[O5] equal updates are taken as they are", () => {
    const { trainable, statistics } = factors([0.3, 0.3, 0.3], { weights: [7, 7, 7] });
    for (const factor of [...trainable, ...statistics]) expect(factor).toBeCloseTo(1, 15);
  });
});

const earlier = (norms: readonly number[], earlierNorm?: number): readonly number[] =>
  factors(norms, earlierNorm === undefined ? {} : { earlierNorm }).trainable;

describe("one or two who come", () => {
  it("[O9.3] are held to twice the norm that a round before had in the middle", () => {
    expect(earlier([8], 2)).toEqual([0.5]);
    expect(earlier([3.9], 2)).toEqual([1]);
    expect(earlier([8, 16], 2)).toEqual([0.5, 0.25]);
    expect(earlier([8, 16], 100)).toEqual([1, 0.5]);
  });

  it("[O9.3] in a leg's first round two are held to the smaller, and one to nothing", () => {
    expect(earlier([8])).toEqual([1]);
    expect(earlier([8, 16])).toEqual([1, 0.5]);
  });

  it("[O9.3] three are not held to it: their median is of the round itself", () => {
    expect(earlier([8, 8, 8], 2)).toEqual([1, 1, 1]);
  });
});

describe("bounding a running statistic", () => {
  const mean = { unit: 0.5, isVariance: false };
  const variance = { unit: 0.5, isVariance: true };
  const bounded = (values: readonly number[], kind = mean): number[] => {
    const changed = Float64Array.from(values);
    boundStatistic(changed, kind, new Float64Array(values.length));
    return [...changed];
  };

  it("[O6.1] [O6.2] what lies among the others, or within a unit of them, stays bit for bit", () => {
    expect(bounded([0.1, 0.1, 0.1, 0.1, 0.55])).toEqual([0.1, 0.1, 0.1, 0.1, 0.55]);
    expect(bounded([1, 2, 3, 4, 8])).toEqual([1, 2, 3, 4, 7]);
  });

  it("[O6.4] one of any number beyond two moves the mean by a bounded part of what the others span", () => {
    for (const honest of [
      [0.1, 0.2],
      [0.1, 0.1, 0.1],
      [-0.3, 0.1, 0.2, 0.2],
      [5, 6, 7, 8, 9, 10],
    ]) {
      const span = Math.max(...honest) - Math.min(...honest);
      for (const lie of [-1e30, 1e30]) {
        const most = Math.max(...bounded([...honest, lie]).map(Math.abs));
        const honestly = Math.max(...honest.map(Math.abs));
        expect(most).toBeLessThanOrEqual(honestly + Math.max(mean.unit, 4 * span));
      }
    }
  });

  it("[O6.2] a variance is not brought to more than twice the median, nor below nothing", () => {
    // The student's is .5; four say that it falls to .01.
    const [lie] = bounded([-1e6, 0.49, 0.49, 0.49, 0.49], variance);
    expect(0.5 - lie!).toBeCloseTo(0.02, 12);
    const all = bounded([0.5, 0.49, 0.49, 0.49, 0.49], variance);
    expect(all).toEqual([0.5, 0.49, 0.49, 0.49, 0.49]);
  });

  it("[O6.3] of two each goes at most four times as far as the other, or a unit", () => {
    expect(bounded([0.1, 1e9])).toEqual([0.1, 0.5]);
    expect(bounded([-2, 1e9])).toEqual([-2, 8]);
    expect(bounded([-1e9, 1e9])).toEqual([-1e9, 1e9]);
  });

  it("[O6] one alone is nobody's to bound", () => {
    expect(bounded([1e9])).toEqual([1e9]);
  });
});
