import { randomField } from "../../../protocol/random/random-field.ts";
import { inverseNormal } from "../../../protocol/random/normal.ts";
import type { Graph } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { deviationUnits } from "../../../protocol/reinit/statistics.ts";
import type { AggregationRule } from "../../../protocol/round/aggregation-rule.ts";
import { boundStatistic } from "../../../edge/aggregation/bound-statistics.ts";
import type { Combination } from "../../../edge/aggregation/combination.ts";
import { chosenRule } from "../../../edge/aggregation/configured-rule.ts";
import { combineRun } from "../../../edge/aggregation/robust/combine-run.ts";
import { normOf } from "../hostile/forgeries.ts";

/** A round as a coordinator has it, in whole vectors. */
export interface RoundOfVectors {
  readonly graph: Graph;
  readonly layout: StateLayout;
  readonly before: Float32Array;
  readonly student: Float32Array<ArrayBuffer>;
  readonly updates: readonly Float32Array[];
}

/** The operator's own, where a rule believes one: the last of all. */
export const ROOT = "the operator";

const SERVER = { kind: "sgd", learningRate: 1, momentum: 0 } as const;

/**
 * What a coordinator makes of a round with one rule (SPEC O), in one piece: the parts that decide are the
 * Worker's own, slices and storage are left out.
 *
 * @param hostile f
 * @returns the rule that was really taken (SPEC O9), and the student
 */
export function combineVectors(
  rule: AggregationRule,
  hostile: number,
  { before, graph, layout, student, updates }: RoundOfVectors,
): { readonly rule: string; readonly student: Float32Array<ArrayBuffer> } {
  const { trainableLength, length } = layout;
  const weights = updates.map((update) => Float64Array.from(update.subarray(0, trainableLength)));
  const statistics = updates.map((update) => Float64Array.from(update.subarray(trainableLength)));
  const lastStep = Float64Array.from(
    { length: trainableLength },
    (_, i) => before[i]! - student[i]!,
  );
  const section = student.subarray(trainableLength);
  const units = deviationUnits(graph, layout, section);
  const config = { rule, hostile, mixing: { kind: "none" } as const, server: SERVER };
  const chosen = chosenRule(
    config,
    updates.map((_, i) => sentBy(i, updates.length)),
  );
  if (chosen.rule.boundsStatistics) bound(statistics, units, layout);
  const contributions = updates.map((update, i) => {
    const { members, organisation, party, weight } = sentBy(i, updates.length);
    const norm = normOf(update.subarray(0, trainableLength));
    const statisticsNorm = Math.sqrt(squaresInUnits(statistics[i]!, units));
    return { members, organisation, party, weight, norm, statisticsNorm };
  });
  const vectors = [...weights, lastStep];
  const gram = vectors.map((a) => vectors.map((b) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)));
  const order = updates.map((_, i) => i);
  const combination = chosen.rule.combine({ contributions, gram, order });
  const out = new Float32Array(length);
  const delta = [
    ...deltaOf(combination.trainable, weights, lastStep),
    ...deltaOf(combination.statistics, statistics, undefined),
  ];
  for (const [i, value] of delta.entries()) out[i] = student[i]! - value;
  for (const { offset, role, size } of layout.entries) {
    if (role !== "running-variance") continue;
    for (let i = offset; i < offset + size; i++) out[i] = Math.max(0, out[i]!);
  }
  return { rule: chosen.kind, student: out };
}

/** Each by an invite of its own; the last by the operator. */
function sentBy(index: number, count: number) {
  return {
    members: [`p-${index}`],
    party: `i-${index}`,
    organisation: index === count - 1 ? ROOT : null,
    weight: 1,
  };
}

function squaresInUnits(values: Float64Array, units: Float32Array): number {
  return values.reduce((sum, value, j) => {
    const inUnits = Math.min(1, Math.abs(value / units[j]!));
    return sum + inUnits * inUnits;
  }, 0);
}

function bound(
  statistics: readonly Float64Array[],
  units: Float32Array,
  layout: StateLayout,
): void {
  const isVariance = new Uint8Array(units.length);
  for (const { offset, role, size } of layout.entries) {
    const from = offset - layout.trainableLength;
    if (role === "running-variance") isVariance.fill(1, from, from + size);
  }
  const values = new Float64Array(statistics.length);
  const scratch = new Float64Array(statistics.length);
  for (const [j, unit] of units.entries()) {
    for (const [i, one] of statistics.entries()) values[i] = one[j]!;
    boundStatistic(values, { unit, isVariance: isVariance[j] === 1 }, scratch);
    for (const [i, one] of statistics.entries()) one[j] = values[i]!;
  }
}

function deltaOf(
  combination: Combination,
  vectors: readonly Float64Array[],
  lastStep: Float64Array | undefined,
): Float64Array {
  const delta = new Float64Array(vectors[0]!.length);
  if (combination.kind === "coordinates") {
    combineRun(vectors, combination.mixtures, combination.rule, delta);
    return delta;
  }
  const { divisor, factors, lastStep: onward = 0, noise = 0 } = combination;
  for (const [i, vector] of vectors.entries()) {
    const factor = factors[i]!;
    // A factor of 0 leaves out what may be as large as it likes.
    if (factor !== 0)
      for (const [j, value] of vector.entries()) delta[j]! += (factor * value) / divisor;
  }
  if (lastStep && onward !== 0)
    for (const [j, value] of lastStep.entries()) delta[j]! += onward * value;
  if (noise > 0) addNoise(delta, noise);
  return delta;
}

/** A coordinator's noise has a seed of its round; a bench's is the same every time. */
function addNoise(delta: Float64Array, deviation: number): void {
  const field = randomField(new Uint8Array(32), "bench:byzantine");
  const words = new Uint32Array(4);
  for (let i = 0; i < delta.length; i++) {
    field.words(words, i);
    delta[i]! += deviation * inverseNormal((words[0]! + 0.5) / 2 ** 32);
  }
}
