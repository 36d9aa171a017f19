import { ProtocolError } from "../errors.ts";
import type { Graph } from "../model/graph.ts";
import type { StateLayout } from "../model/state-layout.ts";
import type { ReinitStrategy } from "../round/campaign-config.ts";
import { freshDistributions, freshValue, type FreshDistribution } from "./fresh-distribution.ts";
import { uniformFromWords } from "./philox.ts";
import { randomField } from "./random-field.ts";
import { reinitRatios } from "./strategy.ts";

/** How one parameter is re-initialised. */
export interface ParameterPlan {
  /** Expected share of values drawn anew, above 0 and at most 1. */
  readonly ratio: number;
  readonly fresh: FreshDistribution;
}

/** By parameter name; a parameter without an entry stays the teacher's. */
export type ReinitPlan = ReadonlyMap<string, ParameterPlan>;

/**
 * What a strategy means for a graph: a ratio and a distribution for every parameter it touches.
 *
 * @param strength multiplies every ratio; products are capped at 1
 * @throws ProtocolError `malformed-request` when the strategy does not fit the graph.
 */
export function reinitPlan(graph: Graph, strategy: ReinitStrategy, strength: number): ReinitPlan {
  const fresh = freshDistributions(graph);
  const plan = new Map<string, ParameterPlan>();
  for (const [name, ratio] of reinitRatios(graph, strategy, strength)) {
    if (ratio > 0) plan.set(name, { ratio, fresh: fresh.get(name)! });
  }
  return plan;
}

/**
 * Word 0 below this is re-initialised (SPEC I3). Scaling by 2³² is exact, so the threshold is; at
 * ratio 1 every word lies below it.
 */
export function maskThreshold(ratio: number): number {
  return Math.floor(ratio * 4_294_967_296);
}

/**
 * Calls `visit` for every re-initialised value in [offset, offset + length) of the state vector,
 * in ascending order.
 *
 * @param visit gets the index in the state vector, the parameter's plan, and the element's words
 */
export function forEachReinitialised(
  layout: StateLayout,
  plan: ReinitPlan,
  seed: Uint8Array,
  offset: number,
  length: number,
  visit: (index: number, plan: ParameterPlan, words: Uint32Array) => void,
): void {
  if (offset < 0 || length < 0 || offset + length > layout.length) {
    throw new RangeError(`values ${offset} to ${offset + length} lie outside the state vector`);
  }
  const words = new Uint32Array(4);
  for (const entry of layout.entries) {
    const parameter = plan.get(entry.name);
    const from = Math.max(offset, entry.offset) - entry.offset;
    const to = Math.min(offset + length, entry.offset + entry.size) - entry.offset;
    if (parameter === undefined || from >= to) continue;
    const field = randomField(seed, entry.name);
    const threshold = maskThreshold(parameter.ratio);
    for (let element = from; element < to; element++) {
      field.words(words, element);
      if (words[0]! < threshold) visit(entry.offset + element, parameter, words);
    }
  }
}

/**
 * student₀ = m⊙teacher + (1−m)⊙fresh (Pang et al. 2023, section 3.2) for a run of the state vector,
 * by selection: a kept value is the teacher's, bit for bit (SPEC I1).
 *
 * @param teacher values [offset, offset + teacher.length) of the teacher's state vector
 * @param seed 32 bytes
 * @returns a new array of the same length
 *
 * @example
 * const student = reinitialiseRange(teacherSlice, layout, plan, seed, slice.offset);
 */
export function reinitialiseRange(
  teacher: Float32Array,
  layout: StateLayout,
  plan: ReinitPlan,
  seed: Uint8Array,
  offset: number,
): Float32Array<ArrayBuffer> {
  const student = new Float32Array(teacher);
  forEachReinitialised(layout, plan, seed, offset, teacher.length, (index, { fresh }, words) => {
    student[index - offset] = freshValue(fresh, uniformFromWords(words[1]!, words[2]!));
  });
  return student;
}

/**
 * student₀ of the whole state vector.
 *
 * @throws RangeError when `teacher` has another length than the layout.
 *
 * @example
 * const plan = reinitPlan(graph, { kind: "layerwise" }, 2);
 * const student = reinitialise(teacher, layout, plan, seed);
 */
export function reinitialise(
  teacher: Float32Array,
  layout: StateLayout,
  plan: ReinitPlan,
  seed: Uint8Array,
): Float32Array<ArrayBuffer> {
  if (teacher.length !== layout.length) {
    throw new RangeError(`the layout has ${layout.length} values, the teacher ${teacher.length}`);
  }
  return reinitialiseRange(teacher, layout, plan, seed, 0);
}

/**
 * Reads a seed as campaigns write it: 64 hexadecimal digits.
 *
 * @throws ProtocolError `malformed-request` for anything else.
 */
export function parseSeed(hex: string): Uint8Array<ArrayBuffer> {
  if (!/^[0-9a-f]{64}$/.test(hex)) {
    throw new ProtocolError("malformed-request", "a seed is 64 lower-case hexadecimal digits");
  }
  return Uint8Array.from({ length: 32 }, (_, i) =>
    Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
  );
}
