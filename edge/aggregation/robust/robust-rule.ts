import type { AggregationRule, Mixing } from "../../../protocol/round/aggregation-rule.ts";
import type { Combination, RoundCombination, Taken } from "../combination.ts";
import { isTrusted, partiesOf } from "../parties.ts";
import { clipFactor, type CombiningRule } from "../rule.ts";
import { centredClipping } from "./centred-clipping.ts";
import type { CoordinateRule } from "./coordinate-rules.ts";
import { flameSelection } from "./flame-selection.ts";
import { fltrust } from "./fltrust.ts";
import { centralStart, geometricMedian } from "./geometric-median.ts";
import { mixedGram, unmix, unmixed, type Gram, type Mixtures } from "./gram.ts";
import { bulyanSelection, krumSelection } from "./krum.ts";
import { bucketing, nearestNeighbourMixing } from "./mixing.ts";

/** Rules that look at how updates lie to one another, or at each coordinate. */
export type RobustRule = Exclude<
  AggregationRule,
  { readonly kind: "mean" | "median-clipped-mean" | "norm-clipped-mean" }
>;

/** What a rule sees: mixtures of the contributions that count, and the student's last step behind them. */
interface Vectors {
  /** Of the mixtures, then of the last step. */
  readonly gram: Gram;
  /** Mixtures, without the last step. */
  readonly count: number;
  readonly f: number;
  /** Index of the vector that is the trusted participant's. */
  readonly trusted?: number;
}

/** What a rule makes of its vectors. */
type Outcome =
  | {
      readonly kind: "sum";
      /** By vector, the last step's behind them where it counts. */
      readonly coefficients: readonly number[];
      /** Of running statistics, where they are others. */
      readonly statistics?: readonly number[];
      readonly noise?: number;
    }
  | {
      readonly kind: "coordinates";
      /** The vectors that are looked at. */
      readonly among: readonly number[];
      readonly rule: CoordinateRule;
    };

/**
 * A robust rule (SPEC O7). Parties count each alike, whatever their weight: by a weight that follows from
 * what they say of themselves, few would be many.
 *
 * @param hostile f
 */
export function robustRule(rule: RobustRule, hostile: number, mixing: Mixing): CombiningRule {
  return {
    boundsStatistics: true,
    needsGram: true,
    combine: (round) => {
      const whole = round.gram!;
      const last = whole.length - 1;
      const parties = partiesOf(rule, round.contributions);
      const means = parties.map((members) => {
        const row = whole.map(() => 0);
        for (const i of members) row[i] = 1 / members.length;
        return row;
      });
      const mixed = mixturesOf(mixing, hostile, mixedGram(whole, means), round.order);
      const lastStep = whole.map((_, i) => (i === last ? 1 : 0));
      const mixtures = [...mixed.map((row) => unmix(row, means)), lastStep];
      const trusted = parties.findIndex(([i]) => isTrusted(rule, round.contributions[i!]!));
      const outcome = decide(rule, {
        gram: mixedGram(whole, mixtures),
        count: mixed.length,
        f: hostile,
        ...(trusted >= 0 && { trusted }),
      });
      return toContributions(outcome, mixtures, round.contributions.length);
    },
  };
}

function subset(gram: Gram, indices: readonly number[]): Gram {
  return indices.map((i) => indices.map((j) => gram[i]![j]!));
}

/** @param order of which those below the number of vectors are taken */
function mixturesOf(mixing: Mixing, f: number, gram: Gram, order: readonly number[]): Mixtures {
  switch (mixing.kind) {
    case "none":
      return unmixed(gram.length);
    case "nearest-neighbours":
      return nearestNeighbourMixing(gram, f);
    case "bucketing":
      return bucketing(
        order.filter((i) => i < gram.length),
        mixing.size,
      );
    default:
      return mixing satisfies never;
  }
}

function decide(rule: RobustRule, { gram, count, f, trusted }: Vectors): Outcome {
  const all = Array.from({ length: count }, (_, i) => i);
  const own = subset(gram, all);
  switch (rule.kind) {
    case "median":
      return { kind: "coordinates", among: all, rule: { kind: "median" } };
    case "trimmed-mean":
      return { kind: "coordinates", among: all, rule: { kind: "trimmed-mean", trim: f } };
    case "krum":
      return meanOf(krumSelection(own, f, 1), count);
    case "multi-krum":
      return meanOf(krumSelection(own, f, count - f), count);
    case "bulyan": {
      const among = bulyanSelection(own, f);
      const keep = among.length - 2 * f;
      return { kind: "coordinates", among, rule: { kind: "mean-around-median", keep } };
    }
    case "geometric-median":
      return {
        kind: "sum",
        coefficients: geometricMedian(own, { ...rule, start: centralStart(own, f) }),
      };
    case "centred-clipping":
      return { kind: "sum", coefficients: centredClipping(gram, { ...rule, center: count }) };
    case "fltrust":
      if (trusted === undefined) throw new Error(`nobody of ${rule.root} is there`);
      return { kind: "sum", ...fltrust(own, trusted) };
    case "flame":
      return flame(own, rule.noise);
    default:
      return rule satisfies never;
  }
}

/** The mean of those that were chosen. */
function meanOf(chosen: readonly number[], count: number): Outcome {
  const coefficients = Array.from({ length: count }, (_, i) =>
    chosen.includes(i) ? 1 / chosen.length : 0,
  );
  return { kind: "sum", coefficients };
}

/** The larger half by direction, each clipped to the median norm of all, and noise in its proportion. */
function flame(gram: Gram, noise: number): Outcome {
  const norms = gram.map((row, i) => Math.sqrt(row[i]!));
  const ascending = [...norms].sort((a, b) => a - b);
  const middle = ascending.length >> 1;
  const median =
    ascending.length % 2 === 1
      ? ascending[middle]!
      : (ascending[middle - 1]! + ascending[middle]!) / 2;
  const chosen = new Set(flameSelection(gram));
  const coefficients = norms.map((norm, i) =>
    chosen.has(i) ? clipFactor(median, norm) / chosen.size : 0,
  );
  return { kind: "sum", coefficients, noise: noise * median };
}

/**
 * What an outcome over mixtures is over the contributions themselves.
 *
 * @param mixtures over the contributions and, last, the student's last step
 * @param count of contributions
 */
function toContributions(outcome: Outcome, mixtures: Mixtures, count: number): RoundCombination {
  if (outcome.kind === "coordinates") {
    const rows = outcome.among.map((k) => mixtures[k]!.slice(0, count));
    const combination: Combination = { kind: "coordinates", mixtures: rows, rule: outcome.rule };
    const taken = Array.from({ length: count }, (_, i) => partOf(rows.some((row) => row[i] !== 0)));
    return { trainable: combination, statistics: combination, taken };
  }
  const spread = (given: readonly number[]): number[] =>
    unmix(
      mixtures.map((_, k) => given[k] ?? 0),
      mixtures,
    );
  const coefficients = spread(outcome.coefficients);
  const factors = coefficients.slice(0, count);
  const ofStatistics = spread(outcome.statistics ?? outcome.coefficients).slice(0, count);
  const lastStep = coefficients[count]!;
  const most = Math.max(...factors);
  const { noise = 0 } = outcome;
  const sum = { kind: "sum" as const, divisor: 1 };
  return {
    trainable: {
      ...sum,
      factors,
      ...(lastStep !== 0 && { lastStep }),
      ...(noise > 0 && { noise }),
    },
    statistics: { ...sum, factors: ofStatistics },
    taken: factors.map((factor) => partOf(most > 0 ? factor / most : 0)),
  };
}

function partOf(part: number | boolean): Taken {
  return { trainable: Number(part), statistics: Number(part) };
}
