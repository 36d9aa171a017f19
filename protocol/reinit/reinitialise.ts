import { ProtocolError } from "../errors.ts";
import { sizeOf, type Graph } from "../model/graph.ts";
import type { StateLayout } from "../model/state-layout.ts";
import type { ReinitStrategy } from "./strategy-schema.ts";
import { channelRatios } from "./channel-ratios.ts";
import type { ChannelScores } from "./channel-scores.ts";
import { freshDistributions, freshValue, type FreshDistribution } from "./fresh-distribution.ts";
import { uniformFromWords } from "../random/philox.ts";
import { randomField } from "../random/random-field.ts";
import { scaledRatios } from "./strategy.ts";

/**
 * How one parameter is re-initialised. Its values fall into blocks of equal length, each with a ratio
 * of its own: one block for the whole tensor, or one an output channel.
 */
export interface ParameterPlan {
  readonly fresh: FreshDistribution;
  /** Values in a block. */
  readonly blockLength: number;
  /** Expected share of each block's values drawn anew, 0 to 1, in order. */
  readonly ratios: readonly number[];
  /** `value`: a mask bit for each value. `block`: one for all values of a block (SPEC I7). */
  readonly unit: "value" | "block";
}

/** By parameter name; a parameter without an entry stays the teacher's. Plain data: it may be sent. */
export type ReinitPlan = ReadonlyMap<string, ParameterPlan>;

/**
 * What a strategy means for a graph: ratios and a distribution for every parameter it touches.
 *
 * @param strength multiplies every ratio; products are capped at 1
 * @param scores what `channelScores` gives for the strategy; undefined where it gives none
 * @throws ProtocolError `malformed-request` when the strategy does not fit the graph.
 * @throws RangeError when the strategy asks for scores and they are missing or do not fit the graph.
 *
 * @example
 * const scores = channelScores(strategy, graph, layout, teacher);
 * const plan = reinitPlan(graph, strategy, strength, scores);
 */
export function reinitPlan(
  graph: Graph,
  strategy: ReinitStrategy,
  strength: number,
  scores?: ChannelScores,
): ReinitPlan {
  const scored =
    strategy.kind === "lipschitz" || strategy.kind === "bn-divergence" ? strategy : undefined;
  if (scored !== undefined && scores === undefined) {
    throw new RangeError(`the strategy '${scored.kind}' needs the channels' scores`);
  }
  const channelWise = strategy.kind !== "head" && strategy.granularity === "channel";
  const scaled = scaledRatios(graph, strategy, strength);
  const distributions = freshDistributions(graph);
  const plan = new Map<string, ParameterPlan>();
  for (const { name, role, shape } of graph.parameters) {
    const fresh = distributions.get(name);
    if (fresh === undefined) continue;
    const ratio = scaled.get(name)!;
    const unit = channelWise && role === "conv-weight" ? "block" : "value";
    const channels = shape[0]!;
    const ofChannels = scores?.get(name);
    let ratios: readonly number[] = [Math.min(1, ratio)];
    if (scored !== undefined && ofChannels !== undefined) {
      if (ofChannels.length !== channels) {
        throw new RangeError(`'${name}' has ${channels} channels, not ${ofChannels.length}`);
      }
      ratios = channelRatios(ratio, ofChannels, scored.outliers);
    } else if (unit === "block") {
      ratios = Array.from({ length: channels }, () => Math.min(1, ratio));
    }
    if (ratios.every((share) => share === 0)) continue;
    plan.set(name, { fresh, blockLength: sizeOf(shape) / ratios.length, ratios, unit });
  }
  return plan;
}

/** Thresholds that every word lies below, and none. */
const ALWAYS = 4_294_967_296;
const NEVER = 0;

/**
 * Word 0 below this is re-initialised (SPEC I3). Scaling by 2³² is exact, so the threshold is; at
 * ratio 1 every word lies below it.
 */
export function maskThreshold(ratio: number): number {
  return Math.floor(ratio * ALWAYS);
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
    const { blockLength, ratios, unit } = parameter;
    const field = randomField(seed, entry.name);
    for (let start = from - (from % blockLength); start < to; start += blockLength) {
      let threshold = maskThreshold(ratios[start / blockLength]!);
      if (unit === "block") {
        field.words(words, start);
        threshold = words[0]! < threshold ? ALWAYS : NEVER;
      }
      if (threshold === NEVER) continue;
      const end = Math.min(to, start + blockLength);
      for (let element = Math.max(from, start); element < end; element++) {
        field.words(words, element);
        if (words[0]! < threshold) visit(entry.offset + element, parameter, words);
      }
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
  reinitialiseInPlace(student, layout, plan, seed, offset);
  return student;
}

/**
 * As `reinitialiseRange`, in the array itself.
 *
 * @param values the teacher's; afterwards the student's
 * @param visit gets the index in `values` of every one that is drawn anew, in ascending order
 */
export function reinitialiseInPlace(
  values: Float32Array,
  layout: StateLayout,
  plan: ReinitPlan,
  seed: Uint8Array,
  offset: number,
  visit?: (index: number) => void,
): void {
  forEachReinitialised(layout, plan, seed, offset, values.length, (index, { fresh }, words) => {
    values[index - offset] = freshValue(fresh, uniformFromWords(words[1]!, words[2]!));
    visit?.(index - offset);
  });
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
