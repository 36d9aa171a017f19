import { ProtocolError } from "../../errors.ts";
import type { UniformSource } from "../../random/uniform-source.ts";
import { zeroWords, type WordBits, type Words } from "./words.ts";

/** Whose updates one sum may hold: from it follows how large a level may be (SPEC M2.3). */
export interface Cohort {
  /** Most participants in the sum. */
  readonly participants: number;
  /** Largest weight that one of them may have: weights are whole numbers from 1 on. */
  readonly weight: number;
}

/** A run of values, a tensor's, that have one step between their levels. */
interface ScaledRun {
  readonly length: number;
  /** log₂ of the step: the same for all, from what everybody knows (SPEC M2.4). */
  readonly exponent: number;
}

/** Runs one after the other, all in words of one size. */
export interface WireSection {
  readonly bits: WordBits;
  readonly runs: readonly ScaledRun[];
}

/** Values of a section. */
function sectionLength({ runs }: WireSection): number {
  return runs.reduce((sum, { length }) => sum + length, 0);
}

/**
 * Largest level of one participant, so that a sum of all stays below 2^(b−1) (SPEC M2.3).
 *
 * @throws RangeError where there are so many that no level is left.
 *
 * @example
 * mostLevels(16, 32); // 1023
 */
export function mostLevels(bits: WordBits, participants: number): number {
  const levels = Math.floor((2 ** (bits - 1) - 1) / participants);
  if (levels >= 1) return levels;
  throw new RangeError(`${participants} participants leave no level in words of ${bits} bits`);
}

const MOST_EXPONENT = 1000;

/**
 * The finest step with which a weighted value of at most `bound` has a level (SPEC M2.4).
 *
 * @param bound largest magnitude of a value that is to arrive as it is
 */
export function exponentFor(bound: number, bits: WordBits, cohort: Cohort): number {
  if (!(bound > 0 && bound < Infinity)) throw new RangeError(`a bound is above 0, not ${bound}`);
  const levels = mostLevels(bits, cohort.participants);
  const reach = (bound * cohort.weight) / levels;
  let exponent = Math.ceil(Math.log2(reach));
  // What rounding makes of the logarithm is not relied on.
  while (2 ** exponent < reach) exponent++;
  while (2 ** (exponent - 1) >= reach) exponent--;
  return Math.max(-MOST_EXPONENT, exponent);
}

/** One participant's section, and how many of its values were cut. */
export interface QuantisedSection {
  readonly words: Words;
  /** By run: values that were beyond what has a level. They are told, in the sum (SPEC M2.5). */
  readonly clipped: readonly number[];
}

/**
 * A participant's values as words: each times its weight, rounded stochastically to a whole number of
 * steps, q = ⌊w·x/step + u⌋ with u uniform in (0, 1) and so unbiased, held to the largest level, modulo
 * 2^b (SPEC M2).
 *
 * @param values of all runs, one after the other
 * @param weight a whole number, 1 to the cohort's
 * @param random fresh for every update
 * @throws ProtocolError `malformed-update` for a value that is not finite, naming it.
 * @throws RangeError for a weight or a number of values that do not go with cohort and section.
 *
 * @example
 * const section = { bits: 16, runs: [{ length: 2, exponent: -10 }] } as const;
 * quantise(Float32Array.of(0.5, -0.25), section, { participants: 8, weight: 1 }, 1, random);
 */
export function quantise(
  values: Float32Array,
  section: WireSection,
  cohort: Cohort,
  weight: number,
  random: UniformSource,
): QuantisedSection {
  if (!Number.isInteger(weight) || weight < 1 || weight > cohort.weight) {
    throw new RangeError(`a weight is a whole number from 1 to ${cohort.weight}, not ${weight}`);
  }
  const length = sectionLength(section);
  if (values.length !== length) {
    throw new RangeError(`the section has ${length} values, not ${values.length}`);
  }
  const most = mostLevels(section.bits, cohort.participants);
  const words = zeroWords(section.bits, length);
  const clipped: number[] = [];
  let at = 0;
  for (const run of section.runs) {
    const perValue = weight * 2 ** -run.exponent;
    const end = at + run.length;
    let cut = 0;
    for (; at < end; at++) {
      const level = values[at]! * perValue;
      if (level >= -most && level <= most) words[at] = Math.floor(level + random());
      else if (Number.isFinite(values[at]!)) {
        words[at] = level > 0 ? most : -most;
        cut++;
      } else {
        throw new ProtocolError(
          "malformed-update",
          `value ${at} of the update is ${values[at]}: it is not sent; train again from the round's student`,
        );
      }
    }
    clipped.push(cut);
  }
  return { words, clipped };
}

/**
 * What a sum of words says: each word between −2^(b−1) and 2^(b−1), times its step. Exact.
 *
 * @param participants whose words were added
 * @returns Σ weight·value, in float64
 * @throws ProtocolError `malformed-update` where a word is beyond what so many can add up to.
 */
export function decodeSum(
  sum: Words,
  section: WireSection,
  cohort: Cohort,
  participants: number,
): Float64Array<ArrayBuffer> {
  if (sum.length !== sectionLength(section)) {
    throw new RangeError(`the section has ${sectionLength(section)} values, not ${sum.length}`);
  }
  const half = 2 ** (section.bits - 1);
  const most = participants * mostLevels(section.bits, cohort.participants);
  const values = new Float64Array(sum.length);
  let at = 0;
  for (const run of section.runs) {
    const step = 2 ** run.exponent;
    const end = at + run.length;
    for (; at < end; at++) {
      const word = sum[at]!;
      const level = word < half ? word : word - 2 * half;
      if (level < -most || level > most) {
        throw new ProtocolError(
          "malformed-update",
          `word ${at} of the sum is ${level} levels, more than ${participants} participants can add up to (${most}): somebody's words or masks are not what they should be`,
        );
      }
      values[at] = level * step;
    }
  }
  return values;
}
