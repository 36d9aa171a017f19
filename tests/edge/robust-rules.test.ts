import { describe, expect, it } from "vitest";
import { chosenRule, fewestFor } from "../../edge/aggregation/configured-rule.ts";
import { combineRun } from "../../edge/aggregation/robust/combine-run.ts";
import { flameSelection } from "../../edge/aggregation/robust/flame-selection.ts";
import { fltrust } from "../../edge/aggregation/robust/fltrust.ts";
import { geometricMedian } from "../../edge/aggregation/robust/geometric-median.ts";
import type { Gram } from "../../edge/aggregation/robust/gram.ts";
import { bucketing } from "../../edge/aggregation/robust/mixing.ts";
import type { RobustRule } from "../../edge/aggregation/robust/robust-rule.ts";
import type { AggregationRule, Mixing } from "../../protocol/round/aggregation-rule.ts";
import { campaignConfigSchema } from "../../protocol/round/campaign-config.ts";
import { drawnOrder, roundSeed } from "../../edge/campaign/combining/round-draw.ts";
import { FLTRUST, THREE_STEPS, TRUST_SCORES, TRUSTED, UPDATES } from "./aggregation-vectors.ts";
import { numbers } from "./tiny-model.ts";

type Vector = readonly number[];

const product = (a: Vector, b: Vector): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const norm = (a: Vector): number => Math.sqrt(product(a, a));
const minus = (a: Vector, b: Vector): Vector => a.map((x, i) => x - b[i]!);
const gramOf = (vectors: readonly Vector[]): Gram =>
  vectors.map((a) => vectors.map((b) => product(a, b)));

interface Round {
  readonly hostile?: number;
  readonly mixing?: Mixing;
  /** By update; each its own when left out. */
  readonly parties?: readonly string[];
  readonly weights?: readonly number[];
  readonly lastStep?: Vector;
}

/** A round without slices: what the rule says, done to whole vectors in float64. */
function combined(rule: AggregationRule, updates: readonly Vector[], round: Round = {}) {
  const { hostile = 1, mixing = { kind: "none" } } = round;
  const lastStep = round.lastStep ?? updates[0]!.map(() => 0);
  const contributions = updates.map((update, i) => ({
    members: [`p-${i}`],
    party: round.parties?.[i] ?? `invite-${i}`,
    organisation: `o-${i}`,
    weight: round.weights?.[i] ?? 1,
    norm: norm(update),
    statisticsNorm: 1,
  }));
  const server = { kind: "sgd", learningRate: 1, momentum: 0 } as const;
  const chosen = chosenRule({ rule, hostile, mixing, server }, contributions);
  const { taken, trainable } = chosen.rule.combine({
    contributions,
    gram: gramOf([...updates, lastStep]),
    order: updates.map((_, i) => i),
  });
  const delta = new Float64Array(lastStep.length);
  if (trainable.kind === "coordinates") {
    const values = updates.map((update) => Float64Array.from(update));
    combineRun(values, trainable.mixtures, trainable.rule, delta);
  } else {
    const { factors, divisor, lastStep: onward = 0 } = trainable;
    for (let j = 0; j < delta.length; j++) {
      const sum = updates.reduce((total, update, i) => total + factors[i]! * update[j]!, 0);
      delta[j] = sum / divisor + onward * lastStep[j]!;
    }
  }
  return { kind: chosen.kind, taken: taken.map((one) => one.trainable), delta: [...delta] };
}

const ROOT = "o-0";
const RULES: readonly RobustRule[] = [
  { kind: "median" },
  { kind: "trimmed-mean" },
  { kind: "krum" },
  { kind: "multi-krum" },
  { kind: "bulyan" },
  { kind: "geometric-median", iterations: 8, smoothing: 1e-6 },
  { kind: "centred-clipping", iterations: 3 },
  { kind: "fltrust", root: ROOT },
  { kind: "flame", noise: 0 },
];
const named = RULES.map((rule) => ({ name: rule.kind, rule }));

/** Vectors of seven values around (1, 2, … 7), none farther off than 1.5. */
function honest(count: number, seed = 1): Vector[] {
  const next = numbers(seed);
  return Array.from({ length: count }, () =>
    Array.from({ length: 7 }, (_, j) => j + 1 + 0.5 * (2 * next() - 1)),
  );
}

function expectNear(found: Vector, expected: Vector, digits = 9): void {
  for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, digits);
}

describe("robust rules", () => {
  it("[O7.3] the geometric median's steps are those of the source", () => {
    const coefficients = geometricMedian(gramOf(UPDATES), { smoothing: 1e-6, iterations: 3 });
    const sum = UPDATES[0]!.map((_, j) =>
      coefficients.reduce((total, share, i) => total + share * UPDATES[i]![j]!, 0),
    );
    expectNear(sum, THREE_STEPS, 6);
  });

  it("[O7.5] FLTrust counts by direction and brings all to the trusted length", () => {
    const vectors = [...UPDATES, TRUSTED];
    const { coefficients, statistics } = fltrust(gramOf(vectors), UPDATES.length);
    const delta = TRUSTED.map((_, j) =>
      coefficients.reduce((sum, factor, i) => sum + factor * vectors[i]![j]!, 0),
    );
    expectNear(delta, FLTRUST, 6);
    const trust = coefficients.slice(0, -1).map((factor, i) => factor * norm(UPDATES[i]!));
    expect(trust[3]! / trust[0]!).toBeCloseTo(TRUST_SCORES[3]! / TRUST_SCORES[0]!, 6);
    expect(coefficients.at(-1)).toBe(0);
    expect(statistics.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
  });

  it("[O7.5] who points against the trusted one, or nowhere, counts nothing", () => {
    const updates = [
      [1, 0],
      [-5, 1],
      [0, 0],
      [0.5, 0],
    ];
    const { delta, taken } = combined({ kind: "fltrust", root: ROOT }, updates);
    expect(delta).toEqual([1, 0]);
    expect(taken).toEqual([0, 0, 0, 1]);
  });

  it("[O7.6] FLAME keeps the larger half by direction, clipped to the median norm of all", () => {
    const updates = [
      [1, 0.1],
      [2, 0.1],
      [3, 0.2],
      [-1, 4],
      [-1, 5],
    ];
    expect(flameSelection(gramOf(updates))).toEqual([0, 1, 2]);
    const norms = updates.map(norm).sort((a, b) => a - b);
    const kept = updates.slice(0, 3).map((u) => u.map((x) => x * Math.min(1, norms[2]! / norm(u))));
    const { delta } = combined({ kind: "flame", noise: 0 }, updates);
    expectNear(
      delta,
      [0, 1].map((j) => kept.reduce((sum, u) => sum + u[j]!, 0) / 3),
    );
  });

  it("[O7.6] what is equally near joins FLAME's cluster together", () => {
    const [a, b] = [
      [1, 0],
      [0, 1],
    ];
    expect(flameSelection(gramOf([a, a, b, b]))).toEqual([0, 1, 2, 3]);
    expect(flameSelection(gramOf([a, b, a, b, a]))).toEqual([0, 2, 4]);
  });

  it("[O7.4] centred clipping starts where the student's last step ended", () => {
    const updates = honest(6);
    const lastStep = [2, 2, 3, 4, 5, 6, 7];
    const rule = { kind: "centred-clipping", iterations: 2, radius: 0.3 } as const;
    let v: Vector = lastStep;
    for (let step = 0; step < rule.iterations; step++) {
      const from = v;
      const moves = updates.map((update) => {
        const away = minus(update, from);
        return away.map((x) => x * Math.min(1, rule.radius / norm(away)));
      });
      v = from.map((x, j) => x + moves.reduce((sum, move) => sum + move[j]! / moves.length, 0));
    }
    expectNear(combined(rule, updates, { lastStep }).delta, v);
  });

  // Bulyan's last picks are of few, of whom two may be nearest to one another: then the order decides.
  it.each(named.filter(({ name }) => name !== "bulyan"))(
    "[O7] $name does not depend on the order of updates",
    ({ rule }) => {
      const updates = honest(9);
      const order = [0, 8, 3, 1, 7, 2, 6, 4, 5];
      const turned = order.map((i) => updates[i]!);
      expectNear(combined(rule, turned).delta, combined(rule, updates).delta);
    },
  );

  it.each(named.filter(({ name }) => !["centred-clipping", "fltrust", "flame"].includes(name)))(
    "[O7] $name moves along when all updates are moved",
    ({ rule }) => {
      const updates = honest(9);
      const by = [4, -3, 2, -1, 0, 1, -2];
      const moved = updates.map((update) => update.map((x, j) => x + by[j]!));
      const { delta } = combined(rule, updates);
      // Rules that step from zero end within a hair of it.
      expectNear(
        combined(rule, moved).delta,
        delta.map((x, j) => x + by[j]!),
        4,
      );
    },
  );

  it.each(named)("[O9] $name stays among the honest whatever f others send", ({ rule }) => {
    for (const f of [1, 2]) {
      const few = honest(Math.max(5, fewestFor(rule, f) - f));
      for (const scale of [-1e6, 1e-9, 1e6]) {
        const lies = Array.from({ length: f }, () => few[0]!.map((x) => scale * x));
        const { delta, kind } = combined(rule, [...few, ...lies], {
          hostile: f,
          lastStep: few[1]!,
        });
        expect(kind).toBe(rule.kind);
        const center = few[0]!.map((_, j) => few.reduce((sum, u) => sum + u[j]! / few.length, 0));
        const reach = Math.max(...few.map((update) => norm(minus(update, center))));
        // FLAME goes by direction: who points as others do may send next to nothing.
        const bound = rule.kind === "flame" ? norm(center) : 6 * reach;
        expect(norm(minus(delta, center))).toBeLessThan(bound);
      }
    }
  });

  it.each(named)("[O7] $name does not look at what weighs nothing", ({ rule }) => {
    const updates = honest(9);
    const weights = [...updates.map(() => 1), 0];
    const lie = updates[0]!.map(() => 1e3);
    expectNear(combined(rule, [...updates, lie], { weights }).delta, combined(rule, updates).delta);
  });
});

/** An accepted update of one slice. */
function accepted(digest: string) {
  return {
    participant: "p",
    slices: [digest],
    size: null,
    signed: undefined,
    weight: 1,
    loss: 0,
    scores: null,
  };
}

/** A campaign of this goal and rule, read. */
function configured(goal: number, kind: string) {
  return campaignConfigSchema.safeParse({
    model: "0".repeat(64),
    round: { goal },
    aggregation: { rule: { kind } },
  });
}

describe("mixing", () => {
  it("[O8] buckets hold as many as they should, and every update is in one", () => {
    expect(bucketing([2, 0, 1], 2)).toEqual([
      [0.5, 0, 0.5],
      [0, 1, 0],
    ]);
  });

  it("[O8] the median of buckets is that of their means", () => {
    const updates = [[1], [3], [10], [20], [5], [7]];
    const mixing = { kind: "bucketing", size: 2 } as const;
    expect(combined({ kind: "median" }, updates, { mixing }).delta).toEqual([6]);
  });

  it("[O8.2] who is in which bucket hangs on what was sent, and is the same after a restart", () => {
    const id = { round: 3, attempt: 0 };
    const seed = roundSeed("c", id, [accepted("a")]);
    expect(roundSeed("c", id, [accepted("a")])).toBe(seed);
    const others = [
      roundSeed("d", id, [accepted("a")]),
      roundSeed("c", { round: 3, attempt: 1 }, [accepted("a")]),
      roundSeed("c", id, [accepted("b")]),
    ];
    expect(new Set([seed, ...others]).size).toBe(4);
    expect([...drawnOrder(seed, 9)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(drawnOrder(seed, 9)).not.toEqual(drawnOrder(others[2]!, 9));
  });

  it("[O7.7] no more are compared with one another than a call of the platform can read", () => {
    expect(configured(32, "krum").success).toBe(true);
    expect(configured(33, "krum").error?.issues[0]?.path).toEqual(["round", "goal"]);
    expect(configured(33, "median-clipped-mean").success).toBe(true);
  });

  it("[O8.3] a trusted participant is not mixed with others", () => {
    const aggregation = {
      rule: { kind: "fltrust", root: ROOT },
      mixing: { kind: "nearest-neighbours" },
    };
    const { error } = campaignConfigSchema.safeParse({ model: "0".repeat(64), aggregation });
    expect(error?.issues[0]?.path).toEqual(["aggregation", "mixing"]);
  });
});

describe("parties", () => {
  it("[O9.1] what came by one invite counts as one, where at least three took part", () => {
    const updates = [[1], [2], [3], [100], [100], [100], [100]];
    const parties = ["a", "b", "c", "d", "d", "d", "d"];
    expect(combined({ kind: "median" }, updates, { parties }).delta).toEqual([2.5]);
    expect(combined({ kind: "median" }, updates).delta).toEqual([100]);
  });

  it("[O9.1] by fewer than three invites each update stands for itself", () => {
    const parties = ["a", "a", "a", "b"];
    expect(combined({ kind: "median" }, [[1], [2], [3], [9]], { parties }).delta).toEqual([2.5]);
  });
});

describe("whom FLTrust believes", () => {
  it("[O7.5] [O9.1] are a party of their own, whoever else came by their invite", () => {
    const updates = [
      [4, 0],
      [0, 9],
      [2, 2],
      [2, -2],
    ];
    const rule = { kind: "fltrust", root: ROOT } as const;
    const apart = combined(rule, updates, { parties: ["a", "b", "c", "d"] });
    const together = combined(rule, updates, { parties: ["a", "a", "c", "d"] });
    expect(together.delta).toEqual(apart.delta);
    expect(apart.delta[0]).toBeGreaterThan(0);
  });
});

describe("too few for a rule", () => {
  it.each(named)("[O9.2] $name needs as many as its source says", ({ rule }) => {
    for (const hostile of [1, 2]) {
      const fewest = fewestFor(rule, hostile);
      expect(combined(rule, honest(fewest), { hostile }).kind).toBe(rule.kind);
      const below = combined(rule, honest(fewest - 1), { hostile }).kind;
      expect(below).toBe(fewest - 1 < 3 ? "earlier-clipped-mean" : "median-clipped-mean");
    }
  });

  it("[O9.2] buckets are counted, not what is in them", () => {
    const mixing = { kind: "bucketing", size: 2 } as const;
    expect(combined({ kind: "krum" }, honest(9), { mixing }).kind).toBe("krum");
    expect(combined({ kind: "krum" }, honest(8), { mixing }).kind).toBe("median-clipped-mean");
  });

  it("[O9.2] without its trusted participant FLTrust steps down", () => {
    const rule = { kind: "fltrust", root: "o-7" } as const;
    expect(combined(rule, honest(7)).kind).toBe("median-clipped-mean");
    expect(combined(rule, honest(8)).kind).toBe("fltrust");
  });
});
