import { rowMajor, type Reduction } from "../../program/kernels/loops.ts";
import { reindexed, type Expression } from "../../program/loops/expression.ts";
import {
  axisIndex,
  multipleOf,
  placedAt,
  sumOf,
  type IndexForm,
} from "../../program/loops/index-form.ts";

/** Terms that are written one after the other, at most. */
const MOST_TERMS = 16;
/** Of an axis that is longer. */
const STEPS = [8, 4, 2];

/** A reduction as loops with some terms in a row inside of them. */
export interface WrittenTerms {
  /** Of the loops. */
  readonly extents: readonly number[];
  readonly terms: readonly Term[];
}

export interface Term {
  readonly of: Expression;
  /** Which of the reduction's terms it is. */
  readonly index: IndexForm;
}

/** A reduction with a loop for every axis. */
export function loopedTerms({ extents, of }: Reduction, rank: number): WrittenTerms {
  return { extents, terms: [{ of, index: termIndex(extents, rank) }] };
}

/**
 * A reduction whose innermost loops are written out as far as that is short, the order of the terms
 * the same: indices and conditions of each term are then known before vectors are gone along.
 *
 * @param rank axes of the output
 */
export function writtenTerms({ extents, of }: Reduction, rank: number): WrittenTerms {
  let terms: Term[] = [{ of, index: termIndex(extents, rank) }];
  const left = [...extents];
  while (left.length > 0) {
    const axis = rank + left.length - 1;
    const extent = left.at(-1)!;
    if (extent * terms.length > MOST_TERMS) {
      const step = terms.length === 1 ? STEPS.find((length) => extent % length === 0) : undefined;
      if (step !== undefined) {
        left[left.length - 1] = extent / step;
        const place = (i: number) => sumOf(multipleOf(axisIndex(axis), step), i);
        terms = repeated(terms, axis, step, place);
      }
      break;
    }
    left.pop();
    terms = repeated(terms, axis, extent, (i) => i);
  }
  return { extents: left, terms };
}

/** The terms at each place along an axis. */
function repeated(
  terms: readonly Term[],
  axis: number,
  count: number,
  place: (index: number) => IndexForm | number,
): Term[] {
  return Array.from({ length: count }, (_, i) => {
    const change = (at: IndexForm): IndexForm => placedAt(at, axis, place(i));
    return terms.map(({ of, index }) => ({ of: reindexed(of, change), index: change(index) }));
  }).flat();
}

function termIndex(extents: readonly number[], rank: number): IndexForm {
  const axes = extents.map((_, i) => axisIndex(rank + i));
  return rowMajor(extents, axes);
}
