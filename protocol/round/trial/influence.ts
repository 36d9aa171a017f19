import { chance } from "../gate.ts";
import type { Tally } from "./tally.ts";

/** One candidate's words on those whose updates are in it. */
interface Equation {
  readonly parties: readonly string[];
  /** How much merit the candidate lacks of the student before it. */
  readonly loss: number;
  /** Standard deviation of what chance does to that. */
  readonly deviation: number;
}

/** Candidates that were tried of one round; one alone tells nobody apart. */
export interface TriedRound {
  readonly round: number;
  readonly equations: readonly Equation[];
}

/** What a party's update does to a student if no other is there, beside the others' mean. */
export interface Influence {
  readonly mean: number;
  readonly deviation: number;
}

/** How far parties' influences lie apart before anything is known, in units of merit. */
const SPREAD = 0.3;

/** What training does to a student by chance, at least. */
const LEAST_DEVIATION = 0.02;

export function equationOf(parties: readonly string[], { agreement, merit }: Tally): Equation {
  const deviation = Math.max(LEAST_DEVIATION, chance(agreement.images, agreement.images) / 2);
  return { parties, loss: merit.last - merit.candidate, deviation };
}

/**
 * Every party's influence by all candidates of all rounds so far (SPEC K7): Bayesian least squares. A
 * candidate's loss is the mean of its parties' influences, besides a number of its round's own that says how
 * training went. What each round says adds up, so that little by little is named by its sum.
 *
 * @example
 * influencesOf([{ round: 3, equations }]).get("i-1"); // { mean: .4, deviation: .1 }
 */
export function influencesOf(rounds: readonly TriedRound[]): ReadonlyMap<string, Influence> {
  const told = rounds.filter(({ equations }) => equations.length > 1);
  const parties = [
    ...new Set(told.flatMap(({ equations }) => equations.flatMap((one) => one.parties))),
  ].sort();
  const size = parties.length;
  const precision = Array.from({ length: size }, (_, i) =>
    Array.from({ length: size }, (__, j) => (i === j ? 1 / SPREAD ** 2 : 0)),
  );
  const sums = Array.from({ length: size }, () => 0);
  for (const { equations } of told) {
    const weights = equations.map(({ deviation }) => 1 / deviation ** 2);
    const rows = equations.map((one) =>
      parties.map((party) => (one.parties.includes(party) ? 1 / one.parties.length : 0)),
    );
    const centre = (values: readonly number[]): readonly number[] => {
      const mean = dot(values, weights) / weights.reduce((a, b) => a + b, 0);
      return values.map((value) => value - mean);
    };
    // What the round has in common drops out.
    const losses = centre(equations.map(({ loss }) => loss));
    const columns = parties.map((_, i) => centre(rows.map((row) => row[i]!)));
    for (let i = 0; i < size; i++) {
      const weighted = columns[i]!.map((value, k) => value * weights[k]!);
      sums[i]! += dot(weighted, losses);
      for (let j = 0; j < size; j++) precision[i]![j]! += dot(weighted, columns[j]!);
    }
  }
  const covariance = inverse(precision);
  return new Map(
    parties.map((party, i) => [
      party,
      { mean: dot(covariance[i]!, sums), deviation: Math.sqrt(covariance[i]![i]!) },
    ]),
  );
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

/** Of a symmetric positive definite matrix, by Gauss and Jordan: such a one needs no pivots. */
function inverse(matrix: readonly (readonly number[])[]): number[][] {
  const size = matrix.length;
  const rows = matrix.map((row, i) => [
    ...row,
    ...Array.from({ length: size }, (_, j) => (i === j ? 1 : 0)),
  ]);
  for (let pivot = 0; pivot < size; pivot++) {
    const by = rows[pivot]![pivot]!;
    rows[pivot] = rows[pivot]!.map((value) => value / by);
    for (let i = 0; i < size; i++) {
      const factor = rows[i]![pivot]!;
      if (i === pivot || factor === 0) continue;
      rows[i] = rows[i]!.map((value, j) => value - factor * rows[pivot]![j]!);
    }
  }
  return rows.map((row) => row.slice(size));
}
