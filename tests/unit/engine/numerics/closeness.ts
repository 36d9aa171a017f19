import { expect } from "vitest";
import type { Comparison, StepResult } from "../../../../client/engine/engine.ts";
import { isTrainable } from "../../../../protocol/model/graph.ts";
import {
  entryView,
  type LayoutEntry,
  type StateLayout,
} from "../../../../protocol/model/state-layout.ts";
import type { NumericCase, Outcome } from "./numeric-case.ts";
import type { Closeness } from "./to-be-allclose.ts";

/** Relative L2 error an engine may have in any one tensor. */
export const L2 = 1e-4;

/** Two things that should be close, and how close. */
interface Pair {
  readonly what: string;
  readonly actual: ArrayLike<number> | number;
  readonly expected: ArrayLike<number> | number;
  readonly closeness: Closeness;
}

/** Holds an outcome to the reference's, tensor by tensor, within `L2`. */
export function expectOutcome(at: NumericCase, actual: Outcome, expected: Outcome): void {
  for (const pair of comparisons(at, actual, expected, L2)) {
    expect(pair.actual, pair.what).toBeAllclose(pair.expected, pair.closeness);
  }
}

/** All there is to compare between two outcomes of one scenario. */
export function comparisons(
  { layout, student }: NumericCase,
  actual: Outcome,
  expected: Outcome,
  l2: number,
): Pair[] {
  const pairs: Pair[] = [];
  for (const [whose, logits] of Object.entries(expected.logits ?? {})) {
    const given = actual.logits?.[whose] ?? [];
    pairs.push({
      what: `logits of the ${whose}`,
      actual: given,
      expected: logits,
      closeness: { l2 },
    });
  }
  if (expected.gradient) {
    const { gradient } = expected;
    const given = actual.gradient;
    pairs.push(...results(given ? [given] : [], [gradient], l2));
    pairs.push(...gradients(layout, given?.gradient ?? new Float32Array(), gradient.gradient, l2));
  }
  for (const [what, values] of Object.entries(expected.perturbations ?? {})) {
    const given = actual.perturbations?.[what] ?? [];
    pairs.push({ what, actual: given, expected: values, closeness: { l2 } });
  }
  pairs.push(...results(actual.results ?? [], expected.results ?? [], l2));
  expected.states?.forEach((state, i) => {
    pairs.push(...changes(layout, student, actual.states?.[i] ?? new Float32Array(), state, l2));
  });
  return pairs;
}

function results(
  actual: readonly StepResult[],
  expected: readonly StepResult[],
  l2: number,
): Pair[] {
  return [
    ...compared("", actual, expected, l2),
    ...compared(" of copies", ofCopies(actual), ofCopies(expected), l2),
  ];
}

function ofCopies(all: readonly StepResult[]): Comparison[] {
  return all.flatMap(({ adversary }) => adversary ?? []);
}

function compared(
  whose: string,
  actual: readonly Comparison[],
  expected: readonly Comparison[],
  l2: number,
): Pair[] {
  return [
    {
      what: `losses${whose}`,
      actual: actual.map(({ loss }) => loss),
      expected: expected.map(({ loss }) => loss),
      closeness: { l2, floor: 1e-2 },
    },
    {
      what: `agreements${whose}`,
      actual: actual.map(({ agreement }) => agreement),
      expected: expected.map(({ agreement }) => agreement),
      closeness: { atol: 1e-6 },
    },
  ];
}

/**
 * Every tensor's gradient, each by itself.
 *
 * Rounding is relative to the terms summed, so a tensor's norm counts as at least 10⁻³ of the
 * largest tensor's. Some gradients are zero but for rounding (of a shift before another norm, of
 * weights before a norm that is blind to their size): under 10⁻⁴ of the largest, 10⁻².
 */
function gradients(
  layout: StateLayout,
  actual: Float32Array,
  expected: Float32Array,
  l2: number,
): Pair[] {
  const trainable = layout.entries.filter(({ role }) => isTrainable(role));
  const largest = Math.max(...trainable.map((entry) => norm(entryView(expected, entry))));
  return trainable.map((entry) => {
    const vanishes = norm(entryView(expected, entry)) < 1e-4 * largest;
    return {
      what: `gradient of ${title(entry)}`,
      actual: entryView(actual, entry),
      expected: entryView(expected, entry),
      closeness: { l2, floor: (vanishes ? 1e-2 : 1e-3) * largest },
    };
  });
}

/**
 * Every tensor of a state vector by what changed in it since `start`, each by itself. The change
 * cannot be told closer than float32 holds the tensor; and as with gradients, a tensor's change
 * counts as at least 10⁻³ of the largest tensor's.
 */
function changes(
  layout: StateLayout,
  start: Float32Array,
  actual: Float32Array,
  expected: Float32Array,
  l2: number,
): Pair[] {
  const moved = layout.entries.map((entry) => {
    const before = Float64Array.from(start.subarray(entry.offset, entry.offset + entry.size));
    const change = (state: Float32Array): Float64Array =>
      before.map((value, i) => (state[entry.offset + i] ?? Number.NaN) - value);
    return { entry, held: norm(before), actual: change(actual), expected: change(expected) };
  });
  const trainable = moved.filter(({ entry }) => isTrainable(entry.role));
  const largest = Math.max(...trainable.map((one) => norm(one.expected)));
  return moved.map(({ entry, held, actual: got, expected: wanted }) => ({
    what: `change of ${title(entry)}`,
    actual: got,
    expected: wanted,
    closeness: { l2, floor: Math.max((held * 2 ** -22) / l2, 1e-3 * largest) },
  }));
}

function title({ name, shape }: LayoutEntry): string {
  return `${name} [${shape.join(", ")}]`;
}

function norm(values: Float32Array | Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}
